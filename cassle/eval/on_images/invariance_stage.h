// The stage invariance: what each operation of an augmentation policy, taken alone, does to the
// features of a trained encoder, block by block, and behind the projector that is told of it
// rightly, wrongly, or not at all.
#ifndef CASSLE_EVAL_ON_IMAGES_INVARIANCE_STAGE_H_
#define CASSLE_EVAL_ON_IMAGES_INVARIANCE_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/on_images/changed_views_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

StageInfo InvarianceInfo();

// Compares every image as evaluation sees it with a view that one operation made of it
// (invariance.h has the measures). A projector that reads descriptors is measured three times:
//   "projector"           it is told of both views what was done
//   "projector, swapped"  of the changed view it is told what was done to another image (the batch
//                         reversed)
//   "projector, missing"  it is told zeros of both views
// The result has one heat map per measure (operation by layer) and scores for backbone and
// projector. Threads change no byte. Memory: per thread the outputs of all blocks for two batches.
//
// \error kInvalidArgument for options out of range, or if no policy is known; kNotFound for a model
// or data set that is not there; kDataLoss for an empty split, a damaged image, or features that
// are not finite (naming operation and layer); kFailedPrecondition if the projector was told
// something else than the policy has, or for fewer than 2 images.
absl::Status RunInvariance(const v1::InvarianceOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_INVARIANCE_STAGE_H_
