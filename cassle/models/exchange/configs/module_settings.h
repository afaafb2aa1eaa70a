// What the modules of a whole pickled network say that its tensors do not: strides, pooling, eps,
// heads, activations. What forward() does with them nobody sees.
#ifndef CASSLE_MODELS_EXCHANGE_CONFIGS_MODULE_SETTINGS_H_
#define CASSLE_MODELS_EXCHANGE_CONFIGS_MODULE_SETTINGS_H_

#include <vector>

#include "absl/status/status.h"
#include "cassle/models/exchange/configs/foreign_config.h"
#include "cassle/models/exchange/weight_array.h"
#include "cassle/models/exchange/weight_families.h"
#include "cassle/models/networks/model.pb.h"

namespace cassle {

// Adds the heads, norm_eps and stem of the modules under `found` to `config`; without modules there
// it stays as it is, and only the numbers of an nn.Sequential tell whether it lacks a module that
// ours have. `detected` as detect_backbone.h has it.
// \error DataLoss, naming the module, if it computes something else than ours, or contradicts
// `config`.
absl::Status AddModules(const std::vector<PickledModule>& modules, const FoundBackbone& found,
                        const v1::BackboneConfig& detected, ForeignConfig* config);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_CONFIGS_MODULE_SETTINGS_H_
