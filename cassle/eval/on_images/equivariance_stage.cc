#include "cassle/eval/on_images/equivariance_stage.h"

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/views/descriptor.h"
#include "cassle/augment/views/sample.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/records/dataset.h"
#include "cassle/eval/on_images/measured_groups.h"
#include "cassle/eval/on_images/predicted_views.h"
#include "cassle/eval/on_images/view_options.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/features/changed_views.h"
#include "cassle/features/for_each_batch.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/features/training_views.h"
#include "cassle/probes/view_retrieval.h"
#include "cassle/runtime/device.h"
#include "cassle/runtime/torch_guard.h"
#include "cassle/runtime/torch_runtime.h"

namespace cassle {
namespace {

using Options = v1::EquivarianceOptions;

struct Setting {
  std::shared_ptr<const Dataset> images;
  std::unique_ptr<FrozenEncoder> encoder;
  // Of all views.
  v1::Policy policy;
  DescriptorLayout layout;
  std::vector<int64_t> indices;
  int64_t views = 0;
  uint64_t seed = 0;
};

absl::StatusOr<Setting> Prepare(const Options& options) {
  Setting setting;
  setting.views = options.views();
  setting.seed = options.seed();
  CASSLE_ASSIGN_OR_RETURN(setting.images, OpenImages(options.input(), options.split()));
  CASSLE_ASSIGN_OR_RETURN(
      setting.encoder,
      FrozenEncoder::Load(options.model(), {.device = options.device()}, /*projector=*/false));
  CASSLE_ASSIGN_OR_RETURN(
      const TrainingViews training,
      LoadTrainingViews({options.model(), options.policy(), options.policy_file(), {}},
                        *setting.encoder));
  setting.policy = DistinctViewPolicies(training.policy).front();
  setting.policy.set_size(setting.encoder->image_size());
  CASSLE_RETURN_IF_ERROR(CheckPolicy(setting.policy));
  CASSLE_ASSIGN_OR_RETURN(
      setting.layout, LayoutOf({options.groups().begin(), options.groups().end()}, setting.policy));
  if (setting.layout.size() == 0) {
    return absl::InvalidArgumentError(absl::StrCat("policy ", setting.policy.name(),
                                                   " changes nothing: choose another --policy"));
  }
  CASSLE_ASSIGN_OR_RETURN(
      setting.indices,
      ChooseImagesToLearnFrom(*setting.images, options.num_images(), options.seed()));
  return setting;
}

ViewMaker::MakeRecords RecordsOf(const Setting& setting) {
  return [policy = setting.policy, views = setting.views,
          seed = setting.seed](const v1::ImageRecord& image) {
    std::vector<v1::ViewRecord> records;
    for (int64_t view = 0; view < views; ++view) {
      records.push_back(SampleView(
          policy, {.seed = seed, .image_id = image.id(), .view = static_cast<uint32_t>(view)},
          static_cast<int>(image.height()), static_cast<int>(image.width())));
    }
    return records;
  };
}

EncodedViews EmptyViews(const Setting& setting) {
  return {.views = setting.views,
          .feature_size = setting.encoder->feature_size(),
          .num_parameters = setting.layout.size()};
}

// Features and parameters of the views of images first .. last-1 (of `indices`), image by image.
absl::StatusOr<EncodedViews> EncodeBatch(const Setting& setting, const ViewMaker& maker,
                                         int64_t first, int64_t last) {
  CASSLE_ASSIGN_OR_RETURN(
      const std::vector<ViewSet> sets,
      maker.Make(absl::MakeConstSpan(setting.indices).subspan(first, last - first)));
  EncodedViews encoded = EmptyViews(setting);
  const int64_t d = encoded.feature_size, k = encoded.num_parameters;
  const int64_t rows = (last - first) * setting.views;
  encoded.features.resize(rows * d);
  encoded.parameters.resize(rows * k);
  encoded.relative.resize(rows * k);
  for (int64_t view = 0; view < setting.views; ++view) {
    CASSLE_ASSIGN_OR_RETURN(const std::vector<float> features,
                            FiniteFeatures(*setting.encoder, sets[view].pixels));
    for (int64_t image = 0; image < last - first; ++image) {
      const int64_t row = image * setting.views + view;
      std::copy_n(features.begin() + image * d, d, encoded.features.begin() + row * d);
      std::copy_n(sets[view].descriptors.begin() + image * k, k,
                  encoded.parameters.begin() + row * k);
      setting.layout.DescribeRelative(sets[view].records[image], sets[0].records[image],
                                      absl::MakeSpan(encoded.relative).subspan(row * k, k));
    }
  }
  return encoded;
}

void AddScore(const std::string& name, double value, bool is_fraction, double chance,
              int64_t num_test, v1::Evaluation* evaluation) {
  v1::Score* score = evaluation->add_scores();
  score->set_name(name);
  score->set_value(value);
  score->set_is_fraction(is_fraction);
  score->set_better(v1::Score::NEITHER);
  score->set_chance(chance);
  score->set_num_test(static_cast<int32_t>(num_test));
}

// Of both maps, the one that is told first.
void AddScores(const Setting& setting, const ViewScores& told, const ViewScores& untold,
               int64_t num_test, v1::Evaluation* evaluation) {
  const auto candidates = static_cast<double>(setting.views);
  for (const auto& [prefix, scores] :
       {std::pair("equivariance", &told), {"equivariance, not told", &untold}}) {
    const auto name = [&prefix = prefix](const std::string& what) {
      return absl::StrCat(prefix, ": ", what);
    };
    AddScore(name("MRR"), scores->mean_reciprocal_rank, false, RandomReciprocalRank(setting.views),
             num_test, evaluation);
    AddScore(name("H@1"), scores->hits_at_1, true, 1 / candidates, num_test, evaluation);
    AddScore(name("H@5"), scores->hits_at_5, true, 5 / candidates, num_test, evaluation);
  }
  v1::Chart* chart = evaluation->add_charts();
  chart->set_name("equivariance: PRE by group");
  chart->set_title("How far the parameters of the nearest view are from those that were meant");
  chart->set_kind(v1::Chart::BARS);
  chart->mutable_x()->set_label("descriptor");
  chart->mutable_y()->set_label("PRE; 0: found, 1: at random");
  v1::ChartLine* of_told = chart->add_series();
  of_told->set_name("told the parameters");
  v1::ChartLine* of_untold = chart->add_series();
  of_untold->set_name("not told");
  for (const MeasuredGroup& group : GroupsOf(setting.layout)) {
    const double error = GroupMean(told.retrieval_errors, group);
    const std::string constant = ConstantSentence(told.retrieval_errors, group, "PRE");
    if (!constant.empty()) evaluation->add_warnings(constant);
    if (std::isnan(error)) continue;
    AddScore(absl::StrCat("equivariance: PRE, ", group.name), error, false, 1, num_test,
             evaluation);
    chart->mutable_x()->add_categories(group.name);
    of_told->add_y(error);
    of_untold->add_y(GroupMean(untold.retrieval_errors, group));
  }
}

absl::Status Evaluate(const Options& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckViewOptions(options, context));
  ConfigureTorch(/*compute_threads=*/1);
  CASSLE_ASSIGN_OR_RETURN(const Setting setting, Prepare(options));
  const ViewMaker maker(setting.images, setting.layout, RecordsOf(setting));
  const auto images = static_cast<int64_t>(setting.indices.size());
  EncodedViews encoded = EmptyViews(setting);
  CASSLE_RETURN_IF_ERROR(ForEachBatch<EncodedViews>(
      "encoding", images, options.batch_size(), context,
      [&](int64_t first, int64_t last) { return EncodeBatch(setting, maker, first, last); },
      [&](const EncodedViews& batch) {
        for (const auto values :
             {&EncodedViews::features, &EncodedViews::parameters, &EncodedViews::relative}) {
          (encoded.*values)
              .insert((encoded.*values).end(), (batch.*values).begin(), (batch.*values).end());
        }
        return absl::OkStatus();
      }));
  if (std::all_of(encoded.relative.begin(), encoded.relative.end(),
                  [](float difference) { return difference == 0; })) {
    return absl::FailedPreconditionError(
        absl::StrCat("all views of an image are the same by policy ", setting.policy.name(),
                     ": there is nothing to predict; choose another --policy"));
  }
  const auto [num_test, num_val] = HoldOut(options.test_fraction(), options.val_fraction(), images);
  v1::Evaluation evaluation = DescribeEvaluation("equivariance", "Predicting views from each other",
                                                 *setting.encoder, setting.policy);
  const ViewParts parts = {num_test, num_val, context.threads()};
  CASSLE_ASSIGN_OR_RETURN(const ViewScores told, ScoreViews(encoded, parts, /*told=*/true));
  CASSLE_ASSIGN_OR_RETURN(const ViewScores untold, ScoreViews(encoded, parts, /*told=*/false));
  AddScores(setting, told, untold, num_test, &evaluation);
  AddImages(*setting.images, num_test, context, &evaluation);
  context.Count("images", images);
  return WriteEvaluation(evaluation, context);
}

}  // namespace

StageInfo EquivarianceInfo() {
  return {.name = "equivariance",
          .version = 3,
          .summary =
              "Measures how well the features of one view can be predicted from those of another "
              "and from how their augmentations differ (MRR, H@1, H@5 and PRE of SIE).",
          .resolve = ResolveWhere};
}

absl::Status RunEquivariance(const Options& options, StageContext& context) {
  return CatchTorch([&] { return Evaluate(options, context); });
}

}  // namespace cassle
