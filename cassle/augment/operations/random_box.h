// A random box inside a rectangle, as torchvision draws crops and erased boxes.
#ifndef CASSLE_AUGMENT_OPERATIONS_RANDOM_BOX_H_
#define CASSLE_AUGMENT_OPERATIONS_RANDOM_BOX_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cassle/base/philox.h"
#include "cassle/data/records/view_record.pb.h"

namespace cassle {

struct BoxRange {
  // Area as a fraction of the rectangle's, drawn uniformly.
  double scale_min;
  double scale_max;
  // width / height, drawn log-uniformly.
  double ratio_min;
  double ratio_max;
};

// Python's round(): ties to even. At most 1e9, which is more than any image has pixels a side:
// extreme ratios give more than an int64 holds.
int64_t RoundToEven(double value);

// `field`: the message in the policy, e.g. "crop".
// \error kInvalidArgument unless 0 < scale_min <= scale_max <= 1 and 0 < ratio_min <= ratio_max.
absl::Status CheckBoxRange(absl::string_view field, const BoxRange& range);

// Up to ten attempts at an area and a ratio, then a uniform place. False if none fitted into the
// height x width pixels; `box` is untouched then.
bool DrawBox(const BoxRange& range, int64_t height, int64_t width, Philox& random,
             v1::CropParameters* box);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_OPERATIONS_RANDOM_BOX_H_
