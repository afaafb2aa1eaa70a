#include "cassle/models/onnx/resnet_graph.h"

#include "absl/strings/str_cat.h"

namespace cassle {
namespace {

constexpr double kBatchNormEps = 1e-5;
constexpr int kStages = 4;

// conv [out, in, K, K] with its norm; padded so that a stride of 1 keeps the size.
std::string ConvNorm(const std::string& conv, const std::string& norm, int64_t stride,
                     const std::string& input, OnnxGraph* graph) {
  const int64_t kernel = graph->SizeOf(conv + ".weight", 2);
  const int64_t padding = kernel / 2;
  const std::string convolved =
      graph->Apply("Conv", conv, {input, graph->Weight(conv + ".weight")},
                   {IntsAttribute("kernel_shape", {kernel, kernel}),
                    IntsAttribute("pads", {padding, padding, padding, padding}),
                    IntsAttribute("strides", {stride, stride})});
  return graph->Apply("BatchNormalization", norm,
                      {convolved, graph->Weight(norm + ".weight"), graph->Weight(norm + ".bias"),
                       graph->Weight(norm + ".running_mean"), graph->Weight(norm + ".running_var")},
                      {FloatAttribute("epsilon", kBatchNormEps)});
}

// The stride is that of the 3x3 convolution: the first, or the middle one of a bottleneck.
std::string Block(const std::string& name, int64_t stride, const std::string& input,
                  OnnxGraph* graph) {
  const int layers = graph->Has(name + ".conv3.weight") ? 3 : 2;
  std::string residual = input;
  for (int layer = 1; layer <= layers; ++layer) {
    residual = ConvNorm(absl::StrCat(name, ".conv", layer), absl::StrCat(name, ".bn", layer),
                        layer == layers - 1 ? stride : 1, residual, graph);
    if (layer < layers) {
      residual = graph->Apply("Relu", absl::StrCat(name, ".relu", layer), {residual});
    }
  }
  std::string shortcut = input;
  if (graph->Has(name + ".downsample.0.weight")) {
    shortcut = ConvNorm(name + ".downsample.0", name + ".downsample.1", stride, input, graph);
  }
  const std::string sum = graph->Apply("Add", name + ".sum", {residual, shortcut});
  return graph->Apply("Relu", name, {sum});
}

}  // namespace

void AddResNet(const v1::BackboneConfig& config, const std::string& images,
               const std::string& features, OnnxGraph* graph) {
  const bool imagenet_stem = config.stem() == v1::IMAGENET;
  std::string activations = graph->Apply(
      "Relu", "relu", {ConvNorm("conv1", "bn1", imagenet_stem ? 2 : 1, images, graph)});
  if (imagenet_stem) {
    activations =
        graph->Apply("MaxPool", "maxpool", {activations},
                     {IntsAttribute("kernel_shape", {3, 3}), IntsAttribute("pads", {1, 1, 1, 1}),
                      IntsAttribute("strides", {2, 2})});
  }
  for (int stage = 1; stage <= kStages; ++stage) {
    for (int block = 0; graph->Has(absl::StrCat("layer", stage, ".", block, ".conv1.weight"));
         ++block) {
      activations = Block(absl::StrCat("layer", stage, ".", block), block == 0 && stage > 1 ? 2 : 1,
                          activations, graph);
    }
  }
  const std::string pooled = graph->Apply("GlobalAveragePool", "avgpool", {activations});
  graph->Apply("Flatten", features, {pooled}, {IntAttribute("axis", 1)});
}

}  // namespace cassle
