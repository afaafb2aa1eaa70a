#include "cassle/eval/on_images/predict_augmentation_stage.h"

#include <algorithm>
#include <cmath>
#include <limits>
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
#include "cassle/eval/on_images/view_options.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/features/changed_views.h"
#include "cassle/features/for_each_batch.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/features/training_views.h"
#include "cassle/probes/ridge.h"
#include "cassle/runtime/device.h"
#include "cassle/runtime/torch_guard.h"
#include "cassle/runtime/torch_runtime.h"

namespace cassle {
namespace {

using Options = v1::PredictAugmentationOptions;

constexpr int kViews = 2;

struct Setting {
  std::shared_ptr<const Dataset> images;
  std::unique_ptr<FrozenEncoder> encoder;
  v1::Policy policy;
  // Of what is predicted.
  DescriptorLayout layout;
  std::vector<MeasuredGroup> groups;
  // Of each view.
  std::vector<v1::Policy> policies;
  std::vector<int64_t> indices;
  int64_t batch_size = 0;
  bool pairs = false;
  uint64_t seed = 0;

  int64_t features() const { return (pairs ? kViews : 1) * encoder->feature_size(); }
};

// One row per view, or per image with pairs: [rows, Setting::features()] and [rows, layout.size()].
struct Rows {
  std::vector<float> features, targets;
};

absl::StatusOr<Setting> Prepare(const Options& options) {
  Setting setting;
  setting.pairs = options.pairs();
  setting.seed = options.seed();
  CASSLE_ASSIGN_OR_RETURN(setting.images, OpenImages(options.input(), options.split()));
  CASSLE_ASSIGN_OR_RETURN(
      setting.encoder,
      FrozenEncoder::Load(options.model(), {.device = options.device()}, /*projector=*/false));
  CASSLE_ASSIGN_OR_RETURN(
      const TrainingViews views,
      LoadTrainingViews({options.model(), options.policy(), options.policy_file(), {}},
                        *setting.encoder));
  setting.policy = views.policy;
  CASSLE_ASSIGN_OR_RETURN(
      setting.layout, LayoutOf({options.groups().begin(), options.groups().end()}, setting.policy));
  setting.groups = GroupsOf(setting.layout);
  CASSLE_ASSIGN_OR_RETURN(setting.policies, ViewPolicies(setting.policy, kViews));
  for (v1::Policy& policy : setting.policies) {
    policy.set_size(setting.encoder->image_size());
    CASSLE_RETURN_IF_ERROR(CheckPolicy(policy));
  }
  CASSLE_ASSIGN_OR_RETURN(
      setting.indices,
      ChooseImagesToLearnFrom(*setting.images, options.num_images(), options.seed()));
  setting.batch_size = options.batch_size();
  return setting;
}

ViewMaker::MakeRecords RecordsOf(const Setting& setting) {
  return [policies = setting.policies, seed = setting.seed](const v1::ImageRecord& image) {
    std::vector<v1::ViewRecord> records;
    for (int view = 0; view < kViews; ++view) {
      records.push_back(
          SampleView(policies[view],
                     {.seed = seed, .image_id = image.id(), .view = static_cast<uint32_t>(view)},
                     static_cast<int>(image.height()), static_cast<int>(image.width())));
    }
    return records;
  };
}

absl::StatusOr<Rows> EncodeBatch(const Setting& setting, const ViewMaker& maker, int64_t first,
                                 int64_t last) {
  const auto indices = absl::MakeConstSpan(setting.indices).subspan(first, last - first);
  CASSLE_ASSIGN_OR_RETURN(const std::vector<ViewSet> views, maker.Make(indices));
  std::vector<std::vector<float>> features;
  for (const ViewSet& view : views) {
    CASSLE_ASSIGN_OR_RETURN(features.emplace_back(), FiniteFeatures(*setting.encoder, view.pixels));
  }
  Rows rows;
  if (!setting.pairs) {
    // View by view; the images of a batch stay together.
    for (int view = 0; view < kViews; ++view) {
      rows.features.insert(rows.features.end(), features[view].begin(), features[view].end());
      rows.targets.insert(rows.targets.end(), views[view].descriptors.begin(),
                          views[view].descriptors.end());
    }
    return rows;
  }
  const int64_t size = setting.layout.size(), d = setting.encoder->feature_size();
  rows.targets.resize((last - first) * size);
  for (int64_t i = 0; i < last - first; ++i) {
    for (const std::vector<float>& of_view : features) {
      rows.features.insert(rows.features.end(), of_view.begin() + i * d,
                           of_view.begin() + (i + 1) * d);
    }
    setting.layout.DescribeRelative(views[0].records[i], views[1].records[i],
                                    absl::MakeSpan(rows.targets).subspan(i * size, size));
  }
  return rows;
}

// Rows of images first .. last-1 (of `indices`); whole images, so that no image is in two parts.
Rows Part(const Setting& setting, const std::vector<Rows>& batches, int64_t first, int64_t last) {
  Rows part;
  const int64_t views = setting.pairs ? 1 : kViews;
  const auto append = [](const std::vector<float>& values, int64_t columns, int64_t from,
                         int64_t to, std::vector<float>* all) {
    all->insert(all->end(), values.begin() + from * columns, values.begin() + to * columns);
  };
  for (size_t b = 0; b < batches.size(); ++b) {
    const int64_t begin = static_cast<int64_t>(b) * setting.batch_size;
    const int64_t n =
        static_cast<int64_t>(batches[b].targets.size()) / setting.layout.size() / views;
    const int64_t from = std::max<int64_t>(first - begin, 0), to = std::min(last - begin, n);
    for (int64_t view = 0; view < views && from < to; ++view) {
      append(batches[b].features, setting.features(), view * n + from, view * n + to,
             &part.features);
      append(batches[b].targets, setting.layout.size(), view * n + from, view * n + to,
             &part.targets);
    }
  }
  return part;
}

FeatureRows FeaturesOf(const Setting& setting, const Rows& rows) {
  return {rows.features, setting.features()};
}
FeatureRows TargetsOf(const Setting& setting, const Rows& rows) {
  return {rows.targets, setting.layout.size()};
}

// R^2 of every value, of predictions for `part`.
std::vector<double> Score(const Setting& setting, const RidgeRegression& regression,
                          const Rows& part) {
  return CoefficientsOfDetermination(regression.Predict(FeaturesOf(setting, part)),
                                     TargetsOf(setting, part));
}

// R^2 on the test images of every value. Warns of groups whose regulariser nothing chose.
absl::StatusOr<std::vector<double>> TestScores(const Setting& setting,
                                               const std::vector<Rows>& batches, int64_t num_test,
                                               int64_t num_val, v1::Evaluation* evaluation) {
  const auto images = static_cast<int64_t>(setting.indices.size());
  const Rows test = Part(setting, batches, 0, num_test);
  const Rows val = Part(setting, batches, num_test, num_test + num_val);
  const Rows train = Part(setting, batches, num_test + num_val, images);
  const size_t num_groups = setting.groups.size();
  std::vector<double> best(num_groups, -std::numeric_limits<double>::infinity());
  std::vector<double> chosen(num_groups, kRidgeGrid[0]);
  RidgeRegression search(FeaturesOf(setting, train), TargetsOf(setting, train));
  for (double w : kRidgeGrid) {
    CASSLE_RETURN_IF_ERROR(search.Fit(w));
    const std::vector<double> values = Score(setting, search, val);
    for (size_t g = 0; g < num_groups; ++g) {
      const double score = GroupMean(values, setting.groups[g]);
      if (!(score > best[g])) continue;
      best[g] = score;
      chosen[g] = w;
    }
  }
  const Rows all = Part(setting, batches, num_test, images);
  RidgeRegression regression(FeaturesOf(setting, all), TargetsOf(setting, all));
  std::vector<double> scores(setting.layout.size());
  for (double w : kRidgeGrid) {
    if (std::find(chosen.begin(), chosen.end(), w) == chosen.end()) continue;
    CASSLE_RETURN_IF_ERROR(regression.Fit(w));
    const std::vector<double> values = Score(setting, regression, test);
    for (size_t g = 0; g < num_groups; ++g) {
      const MeasuredGroup& group = setting.groups[g];
      if (chosen[g] != w) continue;
      std::copy_n(values.begin() + group.first, group.size, scores.begin() + group.first);
    }
  }
  for (size_t g = 0; g < num_groups; ++g) {
    if (std::isfinite(best[g]) || std::isnan(GroupMean(scores, setting.groups[g]))) continue;
    evaluation->add_warnings(absl::StrCat(
        setting.groups[g].name,
        " is the same in all views of the validation images: its regulariser was not chosen, it is "
        "the smallest, ",
        chosen[g]));
  }
  return scores;
}

// `part`: what a bar is.
void AddChart(const std::string& what, const std::string& part,
              const std::vector<std::string>& categories, const std::vector<double>& values,
              v1::Evaluation* evaluation) {
  v1::Chart* chart = evaluation->add_charts();
  chart->set_name(absl::StrCat(what, ": R2 by ", part));
  chart->set_title(
      absl::StrCat("What of the augmentation is linearly readable from the features, by ", part));
  chart->set_kind(v1::Chart::BARS);
  chart->mutable_x()->set_label("descriptor");
  chart->mutable_y()->set_label("R2 on images held out");
  v1::ChartLine* line = chart->add_series();
  line->set_name(kBackboneLayer);
  for (const std::string& category : categories) chart->mutable_x()->add_categories(category);
  for (double value : values) line->add_y(value);
}

void AddScores(const Setting& setting, const std::vector<double>& values, int64_t num_test,
               v1::Evaluation* evaluation) {
  const std::string what = setting.pairs ? "augmentation of pairs" : "augmentation";
  std::vector<std::string> names, parts;
  std::vector<double> means;
  for (const MeasuredGroup& group : setting.groups) {
    for (int64_t i = 0; i < group.size; ++i) parts.push_back(absl::StrCat(group.name, " ", i + 1));
    const double mean = GroupMean(values, group);
    names.push_back(group.name);
    means.push_back(mean);
    const std::string constant = ConstantSentence(values, group, "R2");
    if (!constant.empty()) evaluation->add_warnings(constant);
    if (std::isnan(mean)) continue;
    v1::Score* score = evaluation->add_scores();
    score->set_name(absl::StrCat(what, ", ", group.name, ": R2"));
    score->set_value(mean);
    score->set_better(v1::Score::NEITHER);
    score->set_num_test(static_cast<int32_t>(num_test));
  }
  AddChart(what, "group", names, means, evaluation);
  AddChart(what, "value", parts, values, evaluation);
}

absl::Status Evaluate(const Options& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckViewOptions(options, context));
  ConfigureTorch(/*compute_threads=*/1);
  CASSLE_ASSIGN_OR_RETURN(const Setting setting, Prepare(options));
  const ViewMaker maker(setting.images, setting.layout, RecordsOf(setting));
  std::vector<Rows> batches;
  CASSLE_RETURN_IF_ERROR(ForEachBatch<Rows>(
      "encoding", static_cast<int64_t>(setting.indices.size()), setting.batch_size, context,
      [&](int64_t first, int64_t last) { return EncodeBatch(setting, maker, first, last); },
      [&](const Rows& rows) {
        batches.push_back(rows);
        return absl::OkStatus();
      }));
  const auto images = static_cast<int64_t>(setting.indices.size());
  const auto [num_test, num_val] = HoldOut(options.test_fraction(), options.val_fraction(), images);
  v1::Evaluation evaluation =
      DescribeEvaluation("predict-augmentation", "Reading augmentations from features",
                         *setting.encoder, setting.policy);
  CASSLE_ASSIGN_OR_RETURN(const std::vector<double> scores,
                          TestScores(setting, batches, num_test, num_val, &evaluation));
  AddScores(setting, scores, num_test, &evaluation);
  AddImages(*setting.images, num_test, context, &evaluation);
  context.Count("images", images);
  return WriteEvaluation(evaluation, context);
}

}  // namespace

StageInfo PredictAugmentationInfo() {
  return {.name = "predict-augmentation",
          .version = 3,
          .summary =
              "Measures how well the parameters of each augmentation can be read from an encoder's "
              "features by a linear map.",
          .resolve = ResolveWhere};
}

absl::Status RunPredictAugmentation(const Options& options, StageContext& context) {
  return CatchTorch([&] { return Evaluate(options, context); });
}

}  // namespace cassle
