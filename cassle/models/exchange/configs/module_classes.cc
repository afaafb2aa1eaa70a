#include "cassle/models/exchange/configs/module_classes.h"

#include <algorithm>
#include <iterator>

#include "absl/strings/match.h"

namespace cassle {
namespace {

// The name of the class itself: "ReLU" of "torch.nn.modules.activation.ReLU".
absl::string_view ClassOf(absl::string_view what) { return what.substr(what.rfind('.') + 1); }

// By whatever package: timm and others carry copies.
constexpr absl::string_view kBatchNorms[] = {"BatchNorm2d", "SyncBatchNorm",
                                             "SynchronizedBatchNorm2d", "FrozenBatchNorm2d",
                                             "BatchNormAct2d"};
constexpr absl::string_view kNeutral[] = {
    "Sequential", "ModuleList", "ModuleDict",      "Identity",    "Dropout",
    "Dropout2d",  "DropPath",   "StochasticDepth", "DropBlock2d", "PatchDropout"};
constexpr absl::string_view kMeanPools[] = {"AdaptiveAvgPool2d",   "AvgPool2d",
                                            "FastAdaptiveAvgPool", "FastAdaptiveAvgPool2d",
                                            "FastGlobalAvgPool2d", "SelectAdaptivePool2d"};

// Exact GELU that is not PyTorch's class.
constexpr absl::string_view kGelus[] = {"timm.layers.activations.GELU",
                                        "timm.models.layers.activations.GELU",
                                        "transformers.activations.GELUActivation"};

template <size_t N>
bool IsOneOf(absl::string_view name, const absl::string_view (&names)[N]) {
  return std::find(std::begin(names), std::end(names), name) != std::end(names);
}

}  // namespace

bool IsConvolution(absl::string_view what) { return what == "torch.nn.modules.conv.Conv2d"; }

bool IsBatchNorm(absl::string_view what) { return IsOneOf(ClassOf(what), kBatchNorms); }

bool IsLayerNorm(absl::string_view what) { return ClassOf(what) == "LayerNorm"; }

bool IsNeutral(absl::string_view what) { return IsOneOf(ClassOf(what), kNeutral); }

bool IsActivation(absl::string_view what, absl::string_view ours) {
  constexpr absl::string_view kTorch = "torch.nn.modules.activation.";
  if (absl::StartsWith(what, kTorch) && what.substr(kTorch.size()) == ours) return true;
  return ours == "GELU" && IsOneOf(what, kGelus);
}

bool IsMeanPool(absl::string_view what) { return IsOneOf(ClassOf(what), kMeanPools); }

}  // namespace cassle
