#include "cassle/models/weights/preprocessing.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/fingerprint.h"

namespace cassle {

std::string PreprocessFingerprint(const v1::ModelSpec& spec, int resize_px, bool bfloat16,
                                  const std::string& readout) {
  const auto& channels = spec.backbone().extra_channels();
  return FingerprintBytes(
      absl::StrCat("bicubic ", resize_px, " centre ", spec.image_size(), " mean ",
                   absl::StrJoin(spec.mean(), " "), " std ", absl::StrJoin(spec.std(), " "),
                   bfloat16 ? " bfloat16" : " float32", channels.empty() ? "" : " channels ",
                   absl::StrJoin(channels, " "), readout.empty() ? "" : " readout ", readout));
}

}  // namespace cassle
