// What timm's names of networks say of them.
#ifndef CASSLE_MODELS_EXCHANGE_CONFIGS_TIMM_NAMES_H_
#define CASSLE_MODELS_EXCHANGE_CONFIGS_TIMM_NAMES_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace cassle {

struct TimmNetwork {
  // One of ours (backbone.h).
  std::string architecture;
  // 0: of no transformer.
  int heads = 0;
  int patch_size = 0;
};

// Nothing for a name that is not known to compute what ours do: resnetblur18 has resnet18's tensors
// and other features.
std::optional<TimmNetwork> FindTimmNetwork(absl::string_view name);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_CONFIGS_TIMM_NAMES_H_
