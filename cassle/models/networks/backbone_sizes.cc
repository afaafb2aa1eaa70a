#include "cassle/models/networks/backbone_sizes.h"

#include <algorithm>
#include <cmath>

namespace cassle {
namespace {

constexpr ResNetSize kResNets[] = {
    {"resnet18", {2, 2, 2, 2}, false, 1},         {"resnet34", {3, 4, 6, 3}, false, 1},
    {"resnet50", {3, 4, 6, 3}, true, 1},          {"resnet101", {3, 4, 23, 3}, true, 1},
    {"resnet152", {3, 8, 36, 3}, true, 1},        {"wide_resnet50_2", {3, 4, 6, 3}, true, 2},
    {"wide_resnet101_2", {3, 4, 23, 3}, true, 2},
};

constexpr VitSize kVits[] = {
    // timm's; MoCo-v3 has none.
    {"vit_tiny", 192, 3, 12, false},
    // MoCo-v3's 12 heads; timm's, DINO's and DeiT's have 6.
    {"vit_small", 384, 12, 12, false},
    {"vit_base", 768, 12, 12, false},
    {"vit_large", 1024, 16, 24, false},
    {"vit_huge", 1280, 16, 32, false},
    // DINOv2's ViT-g.
    {"vit_giant", 1536, 24, 40, true},
};

constexpr ConvNextSize kConvNexts[] = {
    {"convnext_tiny", 96, {3, 3, 9, 3}},
    {"convnext_small", 96, {3, 3, 27, 3}},
    {"convnext_base", 128, {3, 3, 27, 3}},
    {"convnext_large", 192, {3, 3, 27, 3}},
};

template <class Size>
const Size* Find(absl::Span<const Size> sizes, absl::string_view name) {
  for (const Size& size : sizes) {
    if (name == size.name) return &size;
  }
  return nullptr;
}

}  // namespace

absl::Span<const ResNetSize> ResNetSizes() { return kResNets; }
absl::Span<const VitSize> VitSizes() { return kVits; }
absl::Span<const ConvNextSize> ConvNextSizes() { return kConvNexts; }

int64_t ConvNextWidth(const ConvNextSize& size, int stage, double width_factor) {
  const double width = width_factor * static_cast<double>(size.width << stage);
  return std::max<int64_t>(8, 8 * std::llround(width / 8));
}

const ResNetSize* FindResNet(absl::string_view name) { return Find(ResNetSizes(), name); }
const VitSize* FindVit(absl::string_view name) { return Find(VitSizes(), name); }
const ConvNextSize* FindConvNext(absl::string_view name) { return Find(ConvNextSizes(), name); }

}  // namespace cassle
