// Residual networks (cassle/models/networks/resnet.h) as nodes of ONNX: Conv, BatchNormalization,
// Relu, MaxPool, Add, GlobalAveragePool, Flatten. Batch norm is not folded into the convolutions:
// the initialisers stay the weights, and run times fold it themselves.
#ifndef CASSLE_MODELS_ONNX_RESNET_GRAPH_H_
#define CASSLE_MODELS_ONNX_RESNET_GRAPH_H_

#include <string>

#include "cassle/models/networks/model.pb.h"
#include "cassle/models/onnx/onnx_graph.h"

namespace cassle {

// Adds the network; `images` [batch, channels, S, S] is the name of its input, `features` [batch,
// F] that of its output. Depth, widths and kernels are those of the weights, `config` has the stem.
void AddResNet(const v1::BackboneConfig& config, const std::string& images,
               const std::string& features, OnnxGraph* graph);

}  // namespace cassle

#endif  // CASSLE_MODELS_ONNX_RESNET_GRAPH_H_
