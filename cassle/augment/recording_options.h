// What the options of augment-and-record ask for, checked.
#ifndef CASSLE_AUGMENT_RECORDING_OPTIONS_H_
#define CASSLE_AUGMENT_RECORDING_OPTIONS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/augment/augment_and_record_options.pb.h"
#include "cassle/augment/operations/policy.pb.h"
#include "cassle/data/records/image_record.pb.h"

namespace cassle {

// \error kInvalidArgument, naming the flag and the remedy.
absl::Status CheckRecordingOptions(const v1::AugmentAndRecordOptions& options);

// The preset or the file.
// \error as CheckPolicy; kNotFound for a missing file.
absl::StatusOr<v1::Policy> RecordingPolicy(const v1::AugmentAndRecordOptions& options);

// How many views the policy and the option ask for, after a look at what compat OFFICIAL needs.
// \error kInvalidArgument where they contradict each other.
absl::StatusOr<int> RecordingViews(const v1::AugmentAndRecordOptions& options,
                                   const v1::Policy& policy);

// How pixels are stored; IMAGE_FORMAT_UNSPECIFIED: they are not.
v1::ImageFormat PixelFormat(const v1::AugmentAndRecordOptions& options);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_RECORDING_OPTIONS_H_
