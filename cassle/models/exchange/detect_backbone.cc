#include "cassle/models/exchange/detect_backbone.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/backbone_sizes.h"

namespace cassle {
namespace {

// What networks with layer scales start them at (DINOv2); trained ones are in the file.
constexpr double kUsualLayerScale = 1e-5;
// Of model.proto.
constexpr int64_t kMaxRegisters = 64;

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

// Whether the 3x3 convolutions see only a part of their input's channels each.
bool IsGrouped(const Shapes& shapes) {
  const auto found = shapes.find("layer1.0.conv2.weight");
  return found != shapes.end() && found->second.size() == 4 && found->second[1] < found->second[0];
}

// Channels inside the first bottleneck, in those of the stem.
int InnerWidths(const Shapes& shapes, int64_t stem) {
  const auto found = shapes.find("layer1.0.conv1.weight");
  if (found == shapes.end() || found->second.empty() || stem < 1) return 1;
  return static_cast<int>(std::min<int64_t>(found->second[0] / stem, 64));
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
  if (IsGrouped(shapes)) {
    return Unknown(
        "its 3x3 convolutions are in groups (a ResNeXt), which the networks here do not have");
  }
  const int inner = InnerWidths(shapes, stem[0]);
  int blocks = 0;
  while (shapes.count(absl::StrCat("layer3.", blocks, ".conv1.weight")) > 0) ++blocks;
  for (const ResNetSize& size : ResNetSizes()) {
    if (size.blocks[2] != blocks || size.bottleneck != bottleneck || size.inner != inner) continue;
    config.set_architecture(size.name);
    return config;
  }
  return Unknown(absl::StrCat(
      "it is a residual network with ", blocks, " ", bottleneck ? "bottleneck" : "basic",
      " blocks in its third stage", inner == 1 ? "" : absl::StrCat(", ", inner, " times as wide"),
      "; known are ResNet-18, 34, 50, 101, 152 and wide ResNet-50-2 and 101-2"));
}

// Whether the first hidden layer gives twice what the second takes.
bool IsSwiGlu(const Shapes& shapes) {
  const auto in = shapes.find("blocks.0.mlp.fc1.weight"),
             out = shapes.find("blocks.0.mlp.fc2.weight");
  return in != shapes.end() && out != shapes.end() && in->second.size() == 2 &&
         out->second.size() == 2 && in->second[0] == 2 * out->second[1];
}

absl::StatusOr<v1::BackboneConfig> DetectVit(const Shapes& shapes) {
  v1::BackboneConfig config;
  CASSLE_ASSIGN_OR_RETURN(const std::vector<int64_t> patch,
                          ShapeOf(shapes, "patch_embed.proj.weight", 4));
  if (shapes.count("pos_embed") == 0) {
    return Unknown(
        "there is no pos_embed: its positions are rotary (DINOv3) or others that the networks here "
        "do not have");
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<int64_t> table, ShapeOf(shapes, "pos_embed", 3));
  const VitSize* size = nullptr;
  std::vector<std::string> known;
  for (const VitSize& candidate : VitSizes()) {
    if (candidate.width == patch[0]) size = &candidate;
    known.push_back(absl::StrCat(candidate.width, " (", candidate.name, ")"));
  }
  if (size == nullptr) {
    return Unknown(absl::StrCat("it is a vision transformer of width ", patch[0], "; known are ",
                                absl::StrJoin(known, ", ")));
  }
  config.set_architecture(size->name);
  int depth = 0;
  while (shapes.count(absl::StrCat("blocks.", depth, ".norm1.weight")) > 0) ++depth;
  if (depth != size->depth) {
    return Unknown(absl::StrCat("it is a vision transformer of width ", patch[0], " and ", depth,
                                " blocks; a ", size->name, " has ", size->depth));
  }
  if (IsSwiGlu(shapes)) {
    config.set_feed_forward(v1::SWIGLU);
  } else if (size->swiglu) {
    config.set_feed_forward(v1::GELU_MLP);
  }
  if (shapes.count("blocks.0.ls1.gamma") > 0) config.set_layer_scale(kUsualLayerScale);
  if (shapes.count("reg_token") > 0) {
    CASSLE_ASSIGN_OR_RETURN(const std::vector<int64_t> registers, ShapeOf(shapes, "reg_token", 3));
    if (registers[1] < 1 || registers[1] > kMaxRegisters) {
      return Unknown(absl::StrCat("it has ", registers[1], " registers; at most ", kMaxRegisters,
                                  " are known"));
    }
    config.set_registers(static_cast<int32_t>(registers[1]));
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

absl::StatusOr<v1::BackboneConfig> DetectConvNext(const Shapes& shapes) {
  v1::BackboneConfig config;
  CASSLE_ASSIGN_OR_RETURN(const std::vector<int64_t> stem, ShapeOf(shapes, "stem.0.weight", 4));
  int blocks[4];
  for (int stage = 0; stage < 4; ++stage) {
    blocks[stage] = 0;
    while (shapes.count(
               absl::StrCat("stages.", stage, ".blocks.", blocks[stage], ".conv_dw.weight")) > 0) {
      ++blocks[stage];
    }
  }
  if (shapes.count("stages.0.blocks.0.gamma") == 0) {
    return Unknown("it is a ConvNeXt without layer scales, which the networks here have");
  }
  // Of several that are as deep the one of this width, else the first, by a factor.
  const ConvNextSize* size = nullptr;
  for (const ConvNextSize& candidate : ConvNextSizes()) {
    if (!std::equal(blocks, blocks + 4, candidate.blocks)) continue;
    if (size == nullptr || candidate.width == stem[0]) size = &candidate;
  }
  if (size == nullptr) {
    return Unknown(absl::StrCat("it is a ConvNeXt with ", absl::StrJoin(blocks, ", "),
                                " blocks in its stages; known are 3, 3, 9, 3 and 3, 3, 27, 3"));
  }
  config.set_architecture(size->name);
  config.set_width_factor(static_cast<double>(stem[0]) / static_cast<double>(size->width));
  return config;
}

}  // namespace

absl::StatusOr<v1::BackboneConfig> DetectBackbone(const std::vector<TensorSignature>& tensors) {
  Shapes shapes;
  for (const TensorSignature& tensor : tensors) shapes[tensor.name] = tensor.shape;
  if (shapes.count("conv1.weight") > 0) return DetectResNet(shapes);
  return shapes.count("stem.0.weight") > 0 ? DetectConvNext(shapes) : DetectVit(shapes);
}

}  // namespace cassle
