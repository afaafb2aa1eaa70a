#include "cassle/models/onnx/onnx_layers.h"

#include <ATen/ops/scalar_tensor.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cassle {

std::string AddReshape(const std::string& name, const std::string& input,
                       const std::vector<int64_t>& shape, OnnxGraph* graph) {
  // Blocks share them.
  const std::string constant =
      graph->Constant(absl::StrCat("shape.", absl::StrJoin(shape, "x")), shape);
  return graph->Apply("Reshape", name, {input, constant});
}

std::string AddTranspose(const std::string& name, const std::string& input,
                         const std::vector<int64_t>& order, OnnxGraph* graph) {
  return graph->Apply("Transpose", name, {input}, {IntsAttribute("perm", order)});
}

std::string AddScalar(const std::string& name, double value, OnnxGraph* graph) {
  return graph->Constant(name, at::scalar_tensor(value, at::kFloat));
}

std::string AddLayerNorm(const std::string& name, const std::string& layer,
                         const std::string& input, double eps, OnnxGraph* graph) {
  return graph->Apply("LayerNormalization", name,
                      {input, graph->Weight(layer + ".weight"), graph->Weight(layer + ".bias")},
                      {IntAttribute("axis", -1), FloatAttribute("epsilon", eps)});
}

std::string AddLinear(const std::string& name, const std::string& input, OnnxGraph* graph) {
  return graph->Apply("Gemm", name,
                      {input, graph->Weight(name + ".weight"), graph->Weight(name + ".bias")},
                      {IntAttribute("transB", 1)});
}

std::string AddGelu(const std::string& name, const std::string& input, OnnxGraph* graph) {
  const std::string scaled =
      graph->Apply("Div", name + ".scaled", {input, AddScalar("sqrt_2", std::sqrt(2.0), graph)});
  const std::string erf = graph->Apply("Erf", name + ".erf", {scaled});
  const std::string shifted =
      graph->Apply("Add", name + ".shifted", {erf, AddScalar("one", 1, graph)});
  const std::string twice = graph->Apply("Mul", name + ".twice", {input, shifted});
  return graph->Apply("Mul", name, {twice, AddScalar("half", 0.5, graph)});
}

}  // namespace cassle
