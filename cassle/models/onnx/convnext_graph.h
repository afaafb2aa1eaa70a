// ConvNeXt (cassle/models/networks/convnext.h) as nodes of ONNX: Conv, Transpose,
// LayerNormalization, Reshape, Gemm, Mul, Div, Erf, Add, GlobalAveragePool, Flatten.
//
// Between the convolutions of a block the pixels of all images are the rows of one matrix.
#ifndef CASSLE_MODELS_ONNX_CONVNEXT_GRAPH_H_
#define CASSLE_MODELS_ONNX_CONVNEXT_GRAPH_H_

#include <string>

#include "cassle/models/onnx/onnx_graph.h"

namespace cassle {

// Adds the network for images of `side` px; `images` [batch, channels, side, side] is the name of
// its input, `features` [batch, F] that of its output. Depths and widths are those of the weights.
void AddConvNext(int side, const std::string& images, const std::string& features,
                 OnnxGraph* graph);

}  // namespace cassle

#endif  // CASSLE_MODELS_ONNX_CONVNEXT_GRAPH_H_
