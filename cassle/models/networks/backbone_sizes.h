// The sizes of every family of backbones: one line each, which the network, its name on the command
// line, and what recognises foreign weights have in common. No LibTorch.
#ifndef CASSLE_MODELS_NETWORKS_BACKBONE_SIZES_H_
#define CASSLE_MODELS_NETWORKS_BACKBONE_SIZES_H_

#include <cstdint>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace cassle {

// Residual networks (resnet.h).
struct ResNetSize {
  const char* name;
  // Residual blocks in each of the four stages.
  int blocks[4];
  // 1x1, 3x3, 1x1 with four times as many outputs, instead of 3x3, 3x3.
  bool bottleneck;
  // Channels between the two 1x1 convolutions, in widths of the stage.
  int inner;
};
absl::Span<const ResNetSize> ResNetSizes();

// Vision transformers (vit.h).
struct VitSize {
  const char* name;
  int64_t width;
  // Where nothing else is chosen.
  int64_t heads;
  // Blocks.
  int64_t depth;
  // SwiGLU, where nothing else is chosen; else an MLP with GELU.
  bool swiglu;
};
absl::Span<const VitSize> VitSizes();

// ConvNeXt (convnext.h).
struct ConvNextSize {
  const char* name;
  // Channels of the first stage; each later one has twice as many as the one before.
  int64_t width;
  // Blocks in each of the four stages.
  int blocks[4];
};
absl::Span<const ConvNextSize> ConvNextSizes();

// Outputs of a bottleneck in widths of its stage.
inline constexpr int64_t kBottleneckExpansion = 4;

// Hidden values of a transformer's (and a ConvNeXt's) MLP, and of its SwiGLU layers: two thirds of
// that, rounded up to a multiple of 8 (DINOv2).
constexpr int64_t MlpWidth(int64_t width) { return 4 * width; }
constexpr int64_t SwiGluWidth(int64_t width) { return (MlpWidth(width) * 2 / 3 + 7) / 8 * 8; }

// Side, px; smaller images leave no pixel behind the last stage.
inline constexpr int kConvNextMinImageSize = 32;

// Channels of a stage of a ConvNeXt: a multiple of 8.
int64_t ConvNextWidth(const ConvNextSize& size, int stage, double width_factor);

// Null if no network of the family has the name.
const ResNetSize* FindResNet(absl::string_view name);
const VitSize* FindVit(absl::string_view name);
const ConvNextSize* FindConvNext(absl::string_view name);

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_BACKBONE_SIZES_H_
