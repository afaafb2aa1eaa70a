// Which classes of modules compute what the networks here do. Every other class is taken for one
// that does not: QuickGELU has no tensors either, and gives other features than GELU.
#ifndef CASSLE_MODELS_EXCHANGE_CONFIGS_MODULE_CLASSES_H_
#define CASSLE_MODELS_EXCHANGE_CONFIGS_MODULE_CLASSES_H_

#include "absl/strings/string_view.h"

namespace cassle {

// "torch.nn.modules.conv.Conv2d"; not those of subclasses, which standardise weights or pad as
// TensorFlow does.
bool IsConvolution(absl::string_view what);
// Also synchronised and frozen ones.
bool IsBatchNorm(absl::string_view what);
bool IsLayerNorm(absl::string_view what);
// What does nothing when features are computed: containers, dropout, Identity.
bool IsNeutral(absl::string_view what);
// "ReLU", "GELU" (the exact one, with approximate as its setting says), "SiLU".
bool IsActivation(absl::string_view what, absl::string_view ours);
// The mean of all places, whatever their number; or of a number that its settings say.
bool IsMeanPool(absl::string_view what);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_CONFIGS_MODULE_CLASSES_H_
