// Layers that several networks have, as nodes of ONNX. Each returns the name of its output, which
// is `name`.
#ifndef CASSLE_MODELS_ONNX_ONNX_LAYERS_H_
#define CASSLE_MODELS_ONNX_ONNX_LAYERS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cassle/models/onnx/onnx_graph.h"

namespace cassle {

std::string AddReshape(const std::string& name, const std::string& input,
                       const std::vector<int64_t>& shape, OnnxGraph* graph);

std::string AddTranspose(const std::string& name, const std::string& input,
                         const std::vector<int64_t>& order, OnnxGraph* graph);

// A constant without dimensions.
std::string AddScalar(const std::string& name, double value, OnnxGraph* graph);

// Over the last dimension. Weights: `layer`.weight and `layer`.bias.
std::string AddLayerNorm(const std::string& name, const std::string& layer,
                         const std::string& input, double eps, OnnxGraph* graph);

// Of the rows of a matrix. Weights: `name`.weight and `name`.bias.
std::string AddLinear(const std::string& name, const std::string& input, OnnxGraph* graph);

// x/2 (1 + erf(x / sqrt 2)), in the order that run times recognise.
std::string AddGelu(const std::string& name, const std::string& input, OnnxGraph* graph);

}  // namespace cassle

#endif  // CASSLE_MODELS_ONNX_ONNX_LAYERS_H_
