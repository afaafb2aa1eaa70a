// The stage interpolation: how similar the features of a changed image stay to those of the
// original while one parameter of the change grows.
#ifndef CASSLE_EVAL_ON_IMAGES_INTERPOLATION_STAGE_H_
#define CASSLE_EVAL_ON_IMAGES_INTERPOLATION_STAGE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/augment/operations/policy.pb.h"
#include "cassle/data/records/view_record.pb.h"
#include "cassle/eval/on_images/changed_views_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

StageInfo InterpolationInfo();

// One parameter and the strengths at which it is looked at, the one that changes nothing among
// them.
struct Sweep {
  // "brightness", ...
  std::string parameter;
  // For the axis, with the unit.
  std::string label;
  // Ascending.
  std::vector<double> strengths;
  // Index of the strength that changes nothing.
  int identity = 0;
  // Sets the parameter in the record of a view that nothing was done to.
  void (*set)(double strength, const v1::Policy& policy, v1::ViewRecord* record);
};

// Brightness, contrast and saturation at i / 8 (i = 1 .. 16), as the authors look at them; hue at
// -1/2 to 1/2 turns in 17 steps; blur with sigma 0 to 2 px in 17 steps, by the policy's kernel; the
// area of a central crop at i / 16 of the image's (i = 1 .. 16).
const std::vector<Sweep>& Sweeps();

// The original is the central square of the image, resized by the crop operation; every change
// starts from it, so that the strength that changes nothing gives the same pixels, and no two
// strengths share anything (in the authors' script, transfer_feature_augmentation_interpolation.py,
// factors compound from one strength to the next, and the original skips the normalisation). The
// charts hold the mean cosine over the images at every block, the backbone and the projector, which
// is told of both views what was done; where it reads descriptors, also told that nothing was done.
// Scores are means over all strengths but the identity. With --bn_mode=train an incomplete batch is
// left out. Threads change no byte.
//
// \error as RunInvariance.
absl::Status RunInterpolation(const v1::InterpolationOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_INTERPOLATION_STAGE_H_
