#include "cassle/models/exchange/detect_backbone.h"

#include <cmath>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

// Of vit.h.
constexpr int kVitDepth = 12;

using Shapes = std::map<std::string, std::vector<int64_t>>;

absl::Status Unknown(absl::string_view reason) { return absl::DataLossError(reason); }

absl::StatusOr<std::vector<int64_t>> ShapeOf(const Shapes& shapes, const std::string& name,
                                             size_t rank) {
  const auto found = shapes.find(name);
  if (found == shapes.end()) return Unknown(absl::StrCat("there is no ", name));
  if (found->second.size() != rank) {
    return Unknown(
        absl::StrCat(name, " has ", found->second.size(), " dimensions, expected ", rank));
  }
  return found->second;
}

absl::StatusOr<v1::BackboneConfig> DetectResNet(const Shapes& shapes) {
  v1::BackboneConfig config;
  CASSLE_ASSIGN_OR_RETURN(const std::vector<int64_t> stem, ShapeOf(shapes, "conv1.weight", 4));
  if (stem[2] != 7 && stem[2] != 3) {
    return Unknown(absl::StrCat("its first convolution is ", stem[2], "x", stem[3],
                                "; known are 7x7 (ImageNet stem) and 3x3 (CIFAR stem)"));
  }
  config.set_stem(stem[2] == 7 ? v1::IMAGENET : v1::CIFAR);
  config.set_width_factor(static_cast<double>(stem[0]) / 64);
  const bool bottleneck = shapes.count("layer1.0.conv3.weight") > 0;
  int blocks = 0;
  while (shapes.count(absl::StrCat("layer3.", blocks, ".conv1.weight")) > 0) ++blocks;
  if (blocks == 2 && !bottleneck) {
    config.set_architecture("resnet18");
  } else if (blocks == 6) {
    config.set_architecture(bottleneck ? "resnet50" : "resnet34");
  } else {
    return Unknown(absl::StrCat("it is a residual network with ", blocks, " ",
                                bottleneck ? "bottleneck" : "basic",
                                " blocks in its third stage; known are ResNet-18, 34 and 50"));
  }
  return config;
}

absl::StatusOr<v1::BackboneConfig> DetectVit(const Shapes& shapes) {
  v1::BackboneConfig config;
  CASSLE_ASSIGN_OR_RETURN(const std::vector<int64_t> patch,
                          ShapeOf(shapes, "patch_embed.proj.weight", 4));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<int64_t> table, ShapeOf(shapes, "pos_embed", 3));
  const std::map<int64_t, const char*> architectures = {
      {192, "vit_tiny"}, {384, "vit_small"}, {768, "vit_base"}};
  const auto found = architectures.find(patch[0]);
  if (found == architectures.end()) {
    return Unknown(absl::StrCat("it is a vision transformer of width ", patch[0],
                                "; known are 192 (vit_tiny), 384 (vit_small) and 768 (vit_base)"));
  }
  config.set_architecture(found->second);
  int depth = 0;
  while (shapes.count(absl::StrCat("blocks.", depth, ".norm1.weight")) > 0) ++depth;
  if (depth != kVitDepth) {
    return Unknown(
        absl::StrCat("it is a vision transformer of ", depth, " blocks; known are ", kVitDepth));
  }
  const auto grid = std::llround(std::sqrt(static_cast<double>(table[1] - 1)));
  if (table[2] != patch[0]) {
    return Unknown(
        absl::StrCat("its positions have ", table[2], " values, its patches ", patch[0]));
  }
  if (table[1] < 2 || table[1] > (1 << 24) || grid * grid != table[1] - 1 || patch[2] < 1 ||
      patch[2] > 256) {
    return Unknown(
        absl::StrCat("its ", table[1], " positions are not a square of patches and a class token"));
  }
  config.set_patch_size(static_cast<int32_t>(patch[2]));
  config.set_image_size(static_cast<int32_t>(grid * patch[2]));
  return config;
}

}  // namespace

absl::StatusOr<v1::BackboneConfig> DetectBackbone(const std::vector<TensorSignature>& tensors) {
  Shapes shapes;
  for (const TensorSignature& tensor : tensors) shapes[tensor.name] = tensor.shape;
  return shapes.count("conv1.weight") > 0 ? DetectResNet(shapes) : DetectVit(shapes);
}

}  // namespace cassle
