// Vision transformers (cassle/models/networks/vit.h) as nodes of ONNX: Conv, Reshape, Transpose,
// Shape, Concat, Expand, Add, LayerNormalization, Gemm, Split, MatMul, Mul, Softmax, Div, Erf,
// Sigmoid, Gather.
//
// Between the blocks the tokens of all images are the rows of one matrix [batch * T, width]: linear
// layers are then Gemm with the weights as they are, and only attention needs shapes with a batch,
// which are static but for it.
#ifndef CASSLE_MODELS_ONNX_VIT_GRAPH_H_
#define CASSLE_MODELS_ONNX_VIT_GRAPH_H_

#include <ATen/core/Tensor.h>

#include <string>

#include "cassle/models/networks/model.pb.h"
#include "cassle/models/onnx/onnx_graph.h"

namespace cassle {

// Adds the network; `images` [batch, channels, S, S] is the name of its input, `features` [batch,
// width] that of its output.
//   config     resolved: its heads and norm_eps are read, the rest is in the weights.
//   positions  [1, 1 + patches, width] for images of this size (VisionTransformer::PositionsFor).
void AddVit(const v1::BackboneConfig& config, const at::Tensor& positions,
            const std::string& images, const std::string& features, OnnxGraph* graph);

}  // namespace cassle

#endif  // CASSLE_MODELS_ONNX_VIT_GRAPH_H_
