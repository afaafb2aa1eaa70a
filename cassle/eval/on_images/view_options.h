// What stages that measure an encoder by changed images have in common: invariance, interpolation,
// predict-augmentation, equivariance.
#ifndef CASSLE_EVAL_ON_IMAGES_VIEW_OPTIONS_H_
#define CASSLE_EVAL_ON_IMAGES_VIEW_OPTIONS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/records/dataset.h"
#include "cassle/eval/on_images/changed_views_options.pb.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/features/training_views.h"
#include "cassle/stage/stage.h"

namespace cassle {

inline constexpr char kBatchStatisticsWarning[] =
    "batch norm used the statistics of each batch (--bn_mode=train), as the authors' figures do: "
    "values depend on which images share a batch";

namespace view_options_internal {
absl::Status Check(const std::string& model, const std::string& input, const StageContext& context);
}  // namespace view_options_internal

// \error kInvalidArgument naming the option that is missing.
template <class Options>
absl::Status CheckViewOptions(const Options& options, const StageContext& context) {
  return view_options_internal::Check(options.model(), options.input(), context);
}

// \error as Dataset::Open; kDataLoss if the split is empty.
absl::StatusOr<std::shared_ptr<const Dataset>> OpenImages(const std::string& input,
                                                          const std::string& split);

// Who is measured, and the views of its training.
struct MeasuredEncoder {
  std::unique_ptr<FrozenEncoder> encoder;
  TrainingViews views;
};

// That of options with model, policy, policy_file, groups, bn_mode, backbone_only and device.
// \error as FrozenEncoder::Load and LoadTrainingViews.
template <class Options>
absl::StatusOr<MeasuredEncoder> LoadEncoder(const Options& options) {
  MeasuredEncoder measured;
  CASSLE_ASSIGN_OR_RETURN(measured.encoder,
                          FrozenEncoder::Load(options.model(),
                                              {.batch_statistics = options.bn_mode() == v1::TRAIN,
                                               .device = options.device()},
                                              /*projector=*/!options.backbone_only()));
  CASSLE_ASSIGN_OR_RETURN(measured.views,
                          LoadTrainingViews({options.model(),
                                             options.policy(),
                                             options.policy_file(),
                                             {options.groups().begin(), options.groups().end()}},
                                            *measured.encoder));
  return measured;
}

// Of a stage that learns from views: which images it learns from, chooses its regulariser by and
// tests on, drawn by seed; num_images of them, 0: all.
// \error kFailedPrecondition if these are fewer than 8.
absl::StatusOr<std::vector<int64_t>> ChooseImagesToLearnFrom(const Dataset& images,
                                                             int64_t num_images, uint64_t seed);

// Images of these that are not learnt from: those that test, and those that choose the regulariser.
struct HeldOut {
  int64_t num_test = 0;
  int64_t num_val = 0;
};

// The fractions, rounded, of `images` (8 or more) and of those that do not test; 2 or more of each,
// and at least 2 are left to learn from.
HeldOut HoldOut(double test_fraction, double val_fraction, int64_t images);

// How large batches are whose images are compared with each other: at most batch_size. Leaves the
// images of whole batches in `indices`, and notes how many others there are.
// \error kFailedPrecondition if that is fewer than 2.
absl::StatusOr<int64_t> KeepWholeBatches(int64_t batch_size, std::vector<int64_t>* indices,
                                         StageContext* context);

// The features of images [B, size, size, 3], one row each.
// \error kDataLoss if one is not finite; those of FrozenEncoder::Extract.
absl::StatusOr<std::vector<float>> FiniteFeatures(const FrozenEncoder& encoder,
                                                  const std::vector<uint8_t>& pixels);

// The head of an evaluation: who was measured, and by which views.
v1::Evaluation DescribeEvaluation(const std::string& stage, const std::string& title,
                                  const FrozenEncoder& encoder, const v1::Policy& policy);

// Adds the images as the role "test".
void AddImages(const Dataset& images, int64_t rows, const StageContext& context,
               v1::Evaluation* evaluation);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_VIEW_OPTIONS_H_
