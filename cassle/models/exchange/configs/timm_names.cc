#include "cassle/models/exchange/configs/timm_names.h"

#include <algorithm>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cassle/models/exchange/name_rules.h"

namespace cassle {
namespace {

// Beginnings of names to "architecture:heads:patch:" (name_rules.h).
constexpr char kNames[] =
    "resnet18>resnet18:0:0: resnet34>resnet34:0:0: resnet50>resnet50:0:0: "
    "resnet101>resnet101:0:0: resnet152>resnet152:0:0: wide_resnet50_2>wide_resnet50_2:0:0: "
    "wide_resnet101_2>wide_resnet101_2:0:0: tv_resnet34>resnet34:0:0: tv_resnet50>resnet50:0:0: "
    "tv_resnet101>resnet101:0:0: tv_resnet152>resnet152:0:0: ssl_resnet18>resnet18:0:0: "
    "ssl_resnet50>resnet50:0:0: swsl_resnet18>resnet18:0:0: swsl_resnet50>resnet50:0:0: "
    // v1b: the stride on the 3x3 convolution, as here.
    "gluon_resnet18_v1b>resnet18:0:0: gluon_resnet34_v1b>resnet34:0:0: "
    "gluon_resnet50_v1b>resnet50:0:0: gluon_resnet101_v1b>resnet101:0:0: "
    "gluon_resnet152_v1b>resnet152:0:0: "
    "vit_tiny_patch#_#>vit_tiny:3:$1: vit_small_patch#_#>vit_small:6:$1: "
    "vit_base_patch#_#>vit_base:12:$1: vit_large_patch#_#>vit_large:16:$1: "
    "vit_huge_patch#_#>vit_huge:16:$1: "
    "vit_small_patch#_dinov2>vit_small:6:$1: vit_base_patch#_dinov2>vit_base:12:$1: "
    "vit_large_patch#_dinov2>vit_large:16:$1: vit_giant_patch#_dinov2>vit_giant:24:$1: "
    "vit_small_patch#_reg4_dinov2>vit_small:6:$1: vit_base_patch#_reg4_dinov2>vit_base:12:$1: "
    "vit_large_patch#_reg4_dinov2>vit_large:16:$1: vit_giant_patch#_reg4_dinov2>vit_giant:24:$1: "
    "deit_tiny_patch#_#>vit_tiny:3:$1: deit_small_patch#_#>vit_small:6:$1: "
    "deit_base_patch#_#>vit_base:12:$1: "
    "deit3_small_patch#_#>vit_small:6:$1: deit3_base_patch#_#>vit_base:12:$1: "
    "deit3_large_patch#_#>vit_large:16:$1: deit3_huge_patch#_#>vit_huge:16:$1: "
    "convnext_tiny>convnext_tiny:0:0: convnext_small>convnext_small:0:0: "
    "convnext_base>convnext_base:0:0: convnext_large>convnext_large:0:0:";

// What may follow: by what the weights were trained. Since 0.8 that is behind a dot.
constexpr const char* kTrainings[] = {"",     "_in21k", "_in21ft1k", "_dino",
                                      "_mae", "_sam",   "_in22k",    "_in22ft1k"};

// Whole names that are not timm's to ours, as above: torchvision's (vit_b_16), DINO's, MoCo-v3's
// and ours (vit_small), iBOT's (deit_small), MAE's (mae_vit_base_patch16), SwAV's (resnet50w2),
// those of DINO's hub (dino_vits16).
constexpr char kOtherNames[] =
    "vit_b_#>vit_base: vit_l_#>vit_large: vit_h_#>vit_huge: "
    "mae_vit_base_patch#>vit_base: mae_vit_large_patch#>vit_large: mae_vit_huge_patch#>vit_huge: "
    "vit_tiny_patch#>vit_tiny: vit_small_patch#>vit_small: "
    "vit_base_patch#>vit_base: vit_large_patch#>vit_large: vit_huge_patch#>vit_huge: "
    "vit_tiny>vit_tiny: vit_small>vit_small: vit_base>vit_base: vit_large>vit_large: "
    "vit_huge>vit_huge: deit_tiny>vit_tiny: deit_small>vit_small: deit_base>vit_base: "
    "dino_vits#>vit_small: dino_vitb#>vit_base: "
    "dinov2_vits#>vit_small: dinov2_vitb#>vit_base: resnet50w#>resnet50:";

// Behind a beginning of kOtherNames; MAE's decoders.
bool IsWhole(absl::string_view rest) { return rest.empty() || absl::StartsWith(rest, "_dec"); }

// resnet18 of "torchvision/ResNet-18", vit_base_patch16_224 of "google/vit-base-patch16-224".
std::string Plain(absl::string_view name) {
  name = name.substr(name.find_last_of("/:") + 1);
  return absl::StrReplaceAll(absl::AsciiStrToLower(name),
                             {{"resnet-", "resnet"}, {"resnet_", "resnet"}, {"-", "_"}});
}

bool HasDigit(absl::string_view word) {
  return std::any_of(word.begin(), word.end(), absl::ascii_isdigit);
}

}  // namespace

std::optional<TimmNetwork> FindTimmNetwork(absl::string_view name) {
  const std::optional<std::string> known = Renamed(kNames, name);
  if (!known) return std::nullopt;
  const std::vector<std::string> parts = absl::StrSplit(*known, absl::MaxSplits(':', 3));
  const std::string& rest = parts[3];
  if (!absl::StartsWith(rest, ".") &&
      std::find(std::begin(kTrainings), std::end(kTrainings), rest) == std::end(kTrainings)) {
    return std::nullopt;
  }
  TimmNetwork network{parts[0]};
  // A patch of more digits than a number has is none of theirs.
  if (!absl::SimpleAtoi(parts[1], &network.heads) ||
      !absl::SimpleAtoi(parts[2], &network.patch_size)) {
    return std::nullopt;
  }
  return network;
}

NamedNetwork ReadNetworkName(absl::string_view name) {
  const std::string plain = Plain(name);
  if (const std::optional<TimmNetwork> timm = FindTimmNetwork(plain)) {
    return {timm->architecture, false};
  }
  if (const std::optional<std::string> known = Renamed(kOtherNames, plain)) {
    const std::vector<std::string> parts = absl::StrSplit(*known, absl::MaxSplits(':', 1));
    if (IsWhole(parts[1])) return {parts[0], false};
  }
  for (const absl::string_view word : absl::StrSplit(plain, absl::ByAnyChar("_. "))) {
    if (HasDigit(plain) && (absl::StrContains(word, "resn") || absl::StartsWith(word, "vit") ||
                            absl::StartsWith(word, "deit"))) {
      return {"", true};
    }
  }
  return {};
}

std::string OtherNetworkIn(absl::string_view file_name) {
  const std::string plain = absl::AsciiStrToLower(file_name);
  for (const absl::string_view word : absl::StrSplit(plain, absl::ByAnyChar("_-. "))) {
    if (!absl::StrContains(word, "resnet") || !HasDigit(word)) continue;
    const NamedNetwork network = ReadNetworkName(word);
    if (network.other) return std::string(word);
  }
  return "";
}

}  // namespace cassle
