// How well views of images, as features and parameters, can be predicted from each other: the
// arithmetic of the stage equivariance.
#ifndef CASSLE_EVAL_ON_IMAGES_PREDICTED_VIEWS_H_
#define CASSLE_EVAL_ON_IMAGES_PREDICTED_VIEWS_H_

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"

namespace cassle {

// `views` (V) views of each image; rows are views, image by image.
struct EncodedViews {
  int64_t views = 0;
  int64_t feature_size = 0;
  int64_t num_parameters = 0;
  // [images * V, feature_size]
  std::vector<float> features = {};
  // [images * V, num_parameters]: what was done to the view, and how that differs from what was
  // done to the first view of its image.
  std::vector<float> parameters = {}, relative = {};

  int64_t images() const { return static_cast<int64_t>(features.size()) / (views * feature_size); }
};

// The first `num_test` images test, the next `num_val` choose the regulariser, the others are
// learnt from (with `num_val` once it is chosen).
struct ViewParts {
  int64_t num_test = 0;
  int64_t num_val = 0;
  int threads = 1;
};

// Of the views of the test images, but their first (view_retrieval.h).
struct ViewScores {
  double mean_reciprocal_rank = 0;
  double hits_at_1 = 0;
  double hits_at_5 = 0;
  // Of every parameter.
  std::vector<double> retrieval_errors;
};

// Predicts the features of every view but the first of its image from those of the first and, if
// `told`, from the relative parameters, by ridge regression. The regulariser is the one of 1e-6 to
// 100 with the largest MRR. There are 2 views or more, and images in every part.
// \error kInternal as RidgeRegression::Fit.
absl::StatusOr<ViewScores> ScoreViews(const EncodedViews& encoded, const ViewParts& parts,
                                      bool told);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_PREDICTED_VIEWS_H_
