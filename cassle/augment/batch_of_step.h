// augment-and-record --run --step: the batch that a training saw, or would see, in one step.
//
// The loader of the training makes it again (cassle/augment/loading/view_loader.h) from what the
// training says of itself: the same images in the same rows, under the same views, bit for bit,
// whatever the number of its ranks.
//
//   batch.textproto               v1::BatchInfo: step, epoch, images, policy
//   views-00000-of-00001.tfrecord ViewRecords, all views of a row together (with pixels: --store)
//   batch-00000-of-00008.png      contact sheets of kImagesPerSheet images each
#ifndef CASSLE_AUGMENT_BATCH_OF_STEP_H_
#define CASSLE_AUGMENT_BATCH_OF_STEP_H_

#include "absl/status/status.h"
#include "cassle/augment/augment_and_record_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

inline constexpr char kBatchInfoName[] = "batch.textproto";
// A sheet that programs and people still look at: about 4,000 pixels high.
inline constexpr int kImagesPerSheet = 32;

// \error kInvalidArgument for a step that the training does not have, or an input that is missing;
// kFailedPrecondition if --input or --recorded is not what the training read; those of
// ReadTrainingRecord and of the loader.
absl::Status RecordBatchOfStep(const v1::AugmentAndRecordOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_BATCH_OF_STEP_H_
