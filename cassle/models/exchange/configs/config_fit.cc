#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/exchange/configs/foreign_config.h"
#include "cassle/models/networks/backbone_sizes.h"

namespace cassle {
namespace {

absl::Status Other(absl::string_view said, absl::string_view found) {
  return absl::DataLossError(
      absl::StrCat("config.json beside it says ", said, ", and the tensors have ", found,
                   ": move config.json away if it belongs to other weights"));
}

absl::Status CheckCount(const char* what, const Said<int>& said, int64_t found) {
  if (said.value == 0 || said.value == found) return absl::OkStatus();
  return Other(absl::StrCat(what, " ", said.value, " (by ", said.by, ")"), absl::StrCat(found));
}

}  // namespace

absl::Status CheckFits(const ForeignConfig& config, const v1::BackboneConfig& detected,
                       int64_t width) {
  if (config.model.empty()) return absl::OkStatus();
  if (config.kind != KindOf(detected.architecture()) ||
      (!config.architecture.empty() && config.architecture != detected.architecture())) {
    return Other(absl::StrCat("that it is a ", config.model),
                 absl::StrCat("the shapes of a ", detected.architecture()));
  }
  CASSLE_RETURN_IF_ERROR(CheckCount("a width of", config.width, width));
  const VitSize* vit = FindVit(detected.architecture());
  if (vit == nullptr) return absl::OkStatus();
  CASSLE_RETURN_IF_ERROR(CheckCount("blocks:", config.depth, vit->depth));
  CASSLE_RETURN_IF_ERROR(CheckCount("patches of", config.patch_size, detected.patch_size()));
  if (config.heads.value != 0 && width % config.heads.value != 0) {
    return Other(
        absl::StrCat("attention heads: ", config.heads.value, " (by ", config.heads.by, ")"),
        absl::StrCat("a width of ", width, ", which that does not divide"));
  }
  return absl::OkStatus();
}

}  // namespace cassle
