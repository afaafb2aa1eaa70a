// What names of networks say of them: timm's, and those that checkpoints hold ("arch": "resnet18").
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

struct NamedNetwork {
  // One of ours whose features the named one has; else empty.
  std::string architecture;
  // Whether it names a residual network or a transformer of some size, and none of those.
  bool other = false;
};

// A name in a checkpoint: timm's, torchvision's, ours, those of DINO, MAE, SwAV and Hugging Face's
// hub ("google/vit-base-patch16-224"), in any case. Names of methods, paths and families without a
// size ("simclr", "resnet") say nothing.
NamedNetwork ReadNetworkName(absl::string_view name);

// The word of a file's name that reads like a residual network which is none of ours
// ("timm_resnetblur18-84f4.pth": resnetblur18); empty if there is none.
std::string OtherNetworkIn(absl::string_view file_name);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_CONFIGS_TIMM_NAMES_H_
