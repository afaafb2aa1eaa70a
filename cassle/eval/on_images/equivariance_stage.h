// The stage equivariance: how well an encoder's features of one view can be predicted from those of
// another view and from how their augmentations differ. An encoder that is blind to augmentations
// gives all views of an image the same features, and of those none can be told from another.
#ifndef CASSLE_EVAL_ON_IMAGES_EQUIVARIANCE_STAGE_H_
#define CASSLE_EVAL_ON_IMAGES_EQUIVARIANCE_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/on_images/changed_views_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

StageInfo EquivarianceInfo();

// `views` views of every image are drawn with the policy (that of its first view, if views differ)
// and encoded. A linear map, learnt by ridge regression (ridge.h) on other images, predicts the
// features of every view but the first from those of the first and from the view's descriptor
// relative to the first (DescriptorLayout::DescribeRelative). Of images held out, each prediction
// is looked for
//   MRR, H@1, H@5  among all views of its image, by cosine;
//   PRE            among all views of all test images: how far the parameters of the nearest one
//                  are from those of the view that was meant, by group.
// So are the predictions of a map that is not told the parameters: what the first view alone gives
// away. The measures are SIE's (view_retrieval.h), who have a predictor that was trained with the
// encoder; here it is fitted afterwards, so that every encoder has one. Threads change no byte.
//
// \error as RunInvariance; kFailedPrecondition for fewer than 8 images.
absl::Status RunEquivariance(const v1::EquivarianceOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_EQUIVARIANCE_STAGE_H_
