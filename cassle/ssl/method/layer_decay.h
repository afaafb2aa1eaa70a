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
// stem (or patch embedding, class token and positions), every block of the backbone (layerN.B,
// blocks.N), and what is above them (a transformer's last norm, the networks behind the backbone).
// The rate of the last is the run's, of each one below `decay` times that of the one above. Blocks
// without parameters of their own do not count.
std::vector<ParameterGroup> GroupByLayer(const std::vector<NamedTensor>& parameters, double decay);

// `method`, with the parameters of its networks grouped by GroupByLayer.
std::unique_ptr<Method> WithLayerDecay(std::unique_ptr<Method> method, double decay);

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_LAYER_DECAY_H_
