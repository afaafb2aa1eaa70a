// The stage augment-and-record: draws views of every image and records their parameters, with or
// without the pixels (cassle/augment/recording/recorded_views.h draws the layout of the output).
//
// Killed, it goes on with the first shard that is not complete (a stream on stdin starts over).
// Memory does not depend on the number of images. The bytes do not depend on the number of threads.
#ifndef CASSLE_AUGMENT_AUGMENT_AND_RECORD_STAGE_H_
#define CASSLE_AUGMENT_AUGMENT_AND_RECORD_STAGE_H_

#include "absl/status/status.h"
#include "cassle/augment/augment_and_record_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

StageInfo AugmentAndRecordInfo();

// \error kInvalidArgument for bad options or policies; kNotFound for missing input; kDataLoss for
// damaged images, naming them; kResourceExhausted if the output cannot be written; kCancelled when
// interrupted.
absl::Status RunAugmentAndRecord(const v1::AugmentAndRecordOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_AUGMENT_AND_RECORD_STAGE_H_
