// Layer-wise decay of the learning rate: lower blocks of a trained backbone move less than higher
// ones (Clark et al. 2020, arXiv:2003.10555; as BEiT and MAE fine-tune).
#ifndef CASSLE_SSL_METHOD_LAYER_DECAY_H_
#define CASSLE_SSL_METHOD_LAYER_DECAY_H_

#include <memory>
#include <vector>

#include "cassle/models/networks/module.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/optimizers/optimizer.h"

namespace cassle {

// Parameters named "backbone.layer1.0.conv1.weight", in order, by the block they belong to: the
// stem (or patch embedding, class token, registers and positions), every block of the backbone
// (layerN.B, blocks.N, stages.N.blocks.B), and what is above them (the last norm of a transformer
// or a ConvNeXt, the networks behind the backbone). The last keep the rate of their group, each
// block below has `decay` times that of the one above. Blocks without parameters of their own do
// not count. Every group is split in this order.
std::vector<ParameterGroup> GroupByLayer(const std::vector<ParameterGroup>& groups, double decay);

// `method`, with its groups of parameters split by GroupByLayer.
std::unique_ptr<Method> WithLayerDecay(std::unique_ptr<Method> method, double decay);

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_LAYER_DECAY_H_
