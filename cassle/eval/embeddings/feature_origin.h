// What features come from: whoever makes more of them must do it in the same way.
#ifndef CASSLE_EVAL_EMBEDDINGS_FEATURE_ORIGIN_H_
#define CASSLE_EVAL_EMBEDDINGS_FEATURE_ORIGIN_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "cassle/models/networks/readout.pb.h"

namespace cassle {

struct FeatureOrigin {
  std::string weights_fingerprint;
  std::string preprocess_fingerprint;
  // Shorter side of the image before the crop, pixels.
  int resize_px = 0;
  bool bfloat16 = false;
  // Empty: the backbone's own features.
  v1::Readout readout;
};

// From the metadata that embed writes and classifiers hand on.
//   path      of the file, for messages.
//   metadata  the value of a key; empty: there is none.
// \error kFailedPrecondition if something is missing (of an old version).
absl::StatusOr<FeatureOrigin> FeatureOriginOf(
    const std::string& path, const std::function<std::string(const std::string&)>& metadata);

}  // namespace cassle

#endif  // CASSLE_EVAL_EMBEDDINGS_FEATURE_ORIGIN_H_
