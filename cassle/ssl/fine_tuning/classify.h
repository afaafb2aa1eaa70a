// What a backbone with a classifier on top says of images.
#ifndef CASSLE_SSL_FINE_TUNING_CLASSIFY_H_
#define CASSLE_SSL_FINE_TUNING_CLASSIFY_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/records/dataset.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/models/networks/conditioning.h"

namespace cassle {

// The class of each of these images, seen as the encoder prepares them; in float32 unless the
// encoder is of bfloat16.
//   head   In evaluation mode, where the encoder computes.
//   go_on  Asked with the number of images that are done; false: stop.
//   threads that decode and compute; they do not change an answer.
// \error kCancelled if it was stopped; errors of reading images.
absl::StatusOr<std::vector<int>> Classify(const FrozenEncoder& encoder, ConditionedProjector* head,
                                          const Dataset& images, const std::vector<int64_t>& rows,
                                          int threads,
                                          const std::function<bool(int64_t done)>& go_on);

}  // namespace cassle

#endif  // CASSLE_SSL_FINE_TUNING_CLASSIFY_H_
