// What of an imported backbone shapes do not tell: who decides it, and the sentence that says so.
#ifndef CASSLE_MODELS_UNTOLD_BY_SHAPES_H_
#define CASSLE_MODELS_UNTOLD_BY_SHAPES_H_

#include <string>

#include "absl/status/statusor.h"
#include "cassle/models/exchange/backbone_tensors.h"
#include "cassle/models/exchange/configs/foreign_config.h"
#include "cassle/models/exchange/weight_families.h"
#include "cassle/models/networks/model.pb.h"

namespace cassle {

// Completes `config`, which shapes (detect_backbone.h) and positions have filled in, with heads,
// norm_eps and how learned positions are resized: `options` first, then config.json, then what
// published networks have. The sentence
// names these, and what the networks here offer one of only: the stem's stride and pool, where the
// features come from, activations.
// \error DataLoss, naming the option that decides, if published networks differ.
absl::StatusOr<std::string> DecideUntold(const v1::BackboneConfig& options,
                                         const ForeignConfig& foreign, const FoundBackbone& found,
                                         const BackboneTensors& tensors,
                                         v1::BackboneConfig* config);

}  // namespace cassle

#endif  // CASSLE_MODELS_UNTOLD_BY_SHAPES_H_
