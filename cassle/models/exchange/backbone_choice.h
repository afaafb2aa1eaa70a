// Which of the backbones in a file is meant.
#ifndef CASSLE_MODELS_EXCHANGE_BACKBONE_CHOICE_H_
#define CASSLE_MODELS_EXCHANGE_BACKBONE_CHOICE_H_

#include <string>

#include "absl/status/statusor.h"
#include "cassle/models/exchange/weight_array.h"
#include "cassle/models/exchange/weight_families.h"

namespace cassle {

struct BackboneChoice {
  FoundBackbone backbone;
  // Why this one, where there are others; else empty.
  std::string reason;
};

// The one under `wanted`, where that is not empty. Else, of a network and its averages (momentum,
// ema, encoder_k, target) the network, and of several with the same weights the first.
// \error DataLoss if there is none, or several between which --prefix must choose; InvalidArgument
// if there is none under `wanted`.
absl::StatusOr<BackboneChoice> ChooseBackbone(const std::string& wanted, const WeightFile& file);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_BACKBONE_CHOICE_H_
