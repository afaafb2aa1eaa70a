// The stage predict-augmentation: how well the parameters of an image's augmentation can be read
// from an encoder's features by a linear map: what invariance has not thrown away.
#ifndef CASSLE_EVAL_ON_IMAGES_PREDICT_AUGMENTATION_STAGE_H_
#define CASSLE_EVAL_ON_IMAGES_PREDICT_AUGMENTATION_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/on_images/changed_views_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

StageInfo PredictAugmentationInfo();

// Two views of every image are drawn with the whole policy and encoded. Ridge regression (ridge.h)
// learns the descriptor (cassle/augment/views/descriptor.h) of each view from its features, or with
// `pairs` the descriptor of the first view relative to the second from the features of both. The
// score of a group is R^2 on images held out, the mean over its values; the regulariser of each
// group is chosen on further images and the map then learnt from all but the test images. A value
// that does not vary is left out. 1: readable; 0: no better than the mean; below 0: worse.
// Threads change no byte.
//
// \error as RunInvariance; kFailedPrecondition for fewer than 8 images.
absl::Status RunPredictAugmentation(const v1::PredictAugmentationOptions& options,
                                    StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_PREDICT_AUGMENTATION_STAGE_H_
