#include "cassle/eval/embeddings/feature_origin.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"

namespace cassle {

absl::StatusOr<FeatureOrigin> FeatureOriginOf(
    const std::string& path, const std::function<std::string(const std::string&)>& metadata) {
  FeatureOrigin origin;
  origin.weights_fingerprint = metadata("weights_fingerprint");
  origin.preprocess_fingerprint = metadata("preprocess_fingerprint");
  const std::string readout = metadata("readout");
  if (!readout.empty()) CASSLE_RETURN_IF_ERROR(ParseTextProto(readout, path, &origin.readout));
  const std::string precision = metadata("precision");
  origin.bfloat16 = precision == "bf16";
  if (!origin.weights_fingerprint.empty() && !origin.preprocess_fingerprint.empty() &&
      (origin.bfloat16 || precision == "float32") &&
      absl::SimpleAtoi(metadata("resize_px"), &origin.resize_px)) {
    return origin;
  }
  return absl::FailedPreconditionError(absl::StrCat(
      path, " does not say how its images were prepared: embed and learn again with this version"));
}

}  // namespace cassle
