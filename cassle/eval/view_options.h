// What the options of invariance, interpolation and predict-augmentation have in common.
#ifndef CASSLE_EVAL_VIEW_OPTIONS_H_
#define CASSLE_EVAL_VIEW_OPTIONS_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/base/stage.h"
#include "cassle/data/dataset.h"
#include "cassle/eval/evaluation.pb.h"
#include "cassle/eval/invariance.pb.h"
#include "cassle/eval/layered_encoder.h"

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

// The encoder of options with model, policy, policy_file, groups, bn_mode and backbone_only.
template <class Options>
absl::StatusOr<std::unique_ptr<LayeredEncoder>> LoadEncoder(const Options& options) {
  LayeredEncoderOptions loading;
  loading.model = options.model();
  loading.policy = options.policy();
  loading.policy_file = options.policy_file();
  loading.groups.assign(options.groups().begin(), options.groups().end());
  loading.batch_statistics = options.bn_mode() == v1::TRAIN;
  loading.with_projector = !options.backbone_only();
  return LayeredEncoder::Load(loading);
}

// Adds the images as the role "test".
void AddImages(const Dataset& images, int64_t rows, const StageContext& context,
               v1::Evaluation* evaluation);

}  // namespace cassle

#endif  // CASSLE_EVAL_VIEW_OPTIONS_H_
