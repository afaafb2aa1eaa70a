#include "cassle/models/onnx/convnext_graph.h"

#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/models/onnx/onnx_layers.h"

namespace cassle {
namespace {

constexpr double kNormEps = 1e-6;
constexpr int kStages = 4;
constexpr int kStemStride = 4;

// [out, in / groups, K, K]; without a stride it is padded so that sides stay.
std::string Conv(const std::string& layer, int64_t stride, int64_t groups, const std::string& input,
                 OnnxGraph* graph) {
  const int64_t kernel = graph->SizeOf(layer + ".weight", 2);
  const int64_t padding = stride == 1 ? kernel / 2 : 0;
  return graph->Apply("Conv", layer,
                      {input, graph->Weight(layer + ".weight"), graph->Weight(layer + ".bias")},
                      {IntsAttribute("kernel_shape", {kernel, kernel}),
                       IntsAttribute("pads", {padding, padding, padding, padding}),
                       IntsAttribute("strides", {stride, stride}), IntAttribute("group", groups)});
}

std::string ToPixels(const std::string& name, const std::string& map, OnnxGraph* graph) {
  return AddTranspose(name, map, {0, 2, 3, 1}, graph);
}

std::string ToMap(const std::string& name, const std::string& pixels, OnnxGraph* graph) {
  return AddTranspose(name, pixels, {0, 3, 1, 2}, graph);
}

// Over the channels of every pixel.
std::string NormPixels(const std::string& layer, const std::string& map, OnnxGraph* graph) {
  const std::string pixels = ToPixels(layer + ".pixels", map, graph);
  return ToMap(layer, AddLayerNorm(layer + ".normed", layer, pixels, kNormEps, graph), graph);
}

std::string Block(const std::string& name, int64_t side, const std::string& input,
                  OnnxGraph* graph) {
  const int64_t width = graph->SizeOf(name + ".gamma", 0);
  const std::string map = Conv(name + ".conv_dw", 1, width, input, graph);
  const std::string normed = AddLayerNorm(name + ".norm", name + ".norm",
                                          ToPixels(name + ".pixels", map, graph), kNormEps, graph);
  const std::string rows = AddReshape(name + ".rows", normed, {-1, width}, graph);
  const std::string hidden = AddLinear(name + ".mlp.fc1", rows, graph);
  const std::string branch =
      AddLinear(name + ".mlp.fc2", AddGelu(name + ".mlp.act", hidden, graph), graph);
  const std::string scaled =
      graph->Apply("Mul", name + ".scaled", {branch, graph->Weight(name + ".gamma")});
  const std::string pixels =
      AddReshape(name + ".branch.pixels", scaled, {-1, side, side, width}, graph);
  return graph->Apply("Add", name, {input, ToMap(name + ".branch", pixels, graph)});
}

}  // namespace

void AddConvNext(int side, const std::string& images, const std::string& features,
                 OnnxGraph* graph) {
  std::string map = NormPixels("stem.1", Conv("stem.0", kStemStride, 1, images, graph), graph);
  side /= kStemStride;
  for (int stage = 0; stage < kStages; ++stage) {
    const std::string name = absl::StrCat("stages.", stage);
    if (stage > 0) {
      map =
          Conv(name + ".downsample.1", 2, 1, NormPixels(name + ".downsample.0", map, graph), graph);
      side /= 2;
    }
    for (int block = 0; graph->Has(absl::StrCat(name, ".blocks.", block, ".gamma")); ++block) {
      map = Block(absl::StrCat(name, ".blocks.", block), side, map, graph);
    }
  }
  const std::string pooled = graph->Apply("GlobalAveragePool", "head.pooled", {map});
  const std::string rows =
      graph->Apply("Flatten", "head.flatten", {pooled}, {IntAttribute("axis", 1)});
  AddLayerNorm(features, "head.norm", rows, kNormEps, graph);
}

}  // namespace cassle
