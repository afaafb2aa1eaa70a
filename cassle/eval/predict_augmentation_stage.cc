#include "cassle/eval/predict_augmentation_stage.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/isfinite.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cassle/augment/descriptor.h"
#include "cassle/augment/policy.h"
#include "cassle/augment/sample.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/dataset.h"
#include "cassle/eval/changed_views.h"
#include "cassle/eval/evaluation.h"
#include "cassle/eval/for_each_batch.h"
#include "cassle/eval/layered_encoder.h"
#include "cassle/eval/ridge.h"
#include "cassle/eval/view_options.h"
#include "cassle/models/batch_tensor.h"
#include "cassle/models/torch_runtime.h"

namespace cassle {
namespace {

using Options = v1::PredictAugmentationOptions;

constexpr int kViews = 2;
constexpr int64_t kFewestImages = 8;

// Features are standardised, so that these are relative to their variance.
const std::vector<double>& Regularizers() {
  static const auto& values =
      *new std::vector<double>{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100};
  return values;
}

// A descriptor group and where its values stand.
struct Group {
  std::string name;
  int64_t first = 0;
  int64_t size = 0;
};

struct Setting {
  std::shared_ptr<const Dataset> images;
  std::unique_ptr<LayeredEncoder> encoder;
  DescriptorLayout layout;
  std::vector<Group> groups;
  // Of each view.
  std::vector<v1::Policy> policies;
  std::vector<int64_t> indices;
  int64_t batch_size = 0;
  bool pairs = false;
  uint64_t seed = 0;

  int64_t num_batches() const {
    return (static_cast<int64_t>(indices.size()) + batch_size - 1) / batch_size;
  }
};

// One row per view, or per image with pairs.
struct Rows {
  at::Tensor features, targets;
};

absl::Status FindGroups(const Options& options, Setting* setting) {
  std::vector<std::string> names(options.groups().begin(), options.groups().end());
  if (names.empty()) names = DescriptorGroupsOf(setting->encoder->policy());
  const auto layout = DescriptorLayout::Create(setting->encoder->policy(), names);
  if (!layout.ok()) return Annotate(layout.status(), "--groups");
  setting->layout = *layout;
  int64_t first = 0;
  for (const std::string& name : layout->groups()) {
    CASSLE_ASSIGN_OR_RETURN(const DescriptorLayout alone,
                            DescriptorLayout::Create(setting->encoder->policy(), {name}));
    setting->groups.push_back({name, first, alone.size()});
    first += alone.size();
  }
  return absl::OkStatus();
}

absl::Status CheckOptions(const Options& options, const StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckViewOptions(options, context));
  for (const auto& [name, value] : {std::pair("test_fraction", options.test_fraction()),
                                    std::pair("val_fraction", options.val_fraction())}) {
    if (value > 0 && value < 1) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--", name, "=", value, ": expected a number between 0 and 1"));
  }
  return absl::OkStatus();
}

absl::StatusOr<Setting> Prepare(const Options& options) {
  Setting setting;
  setting.pairs = options.pairs();
  setting.seed = options.seed();
  CASSLE_ASSIGN_OR_RETURN(setting.images, OpenImages(options.input(), options.split()));
  LayeredEncoderOptions loading;
  loading.model = options.model();
  loading.policy = options.policy();
  loading.policy_file = options.policy_file();
  loading.with_projector = false;
  CASSLE_ASSIGN_OR_RETURN(setting.encoder, LayeredEncoder::Load(loading));
  CASSLE_RETURN_IF_ERROR(FindGroups(options, &setting));
  CASSLE_ASSIGN_OR_RETURN(setting.policies, ViewPolicies(setting.encoder->policy(), kViews));
  for (v1::Policy& policy : setting.policies) {
    policy.set_size(setting.encoder->image_size());
    CASSLE_RETURN_IF_ERROR(CheckPolicy(policy));
  }
  setting.indices = ChooseImages(*setting.images, options.num_images(), options.seed());
  setting.batch_size = options.batch_size();
  const auto images = static_cast<int64_t>(setting.indices.size());
  if (images < kFewestImages) {
    return absl::FailedPreconditionError(
        absl::StrCat("there are ", images,
                     " images: learning, choosing the regulariser and "
                     "testing need ",
                     kFewestImages, " or more"));
  }
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

absl::StatusOr<Rows> EncodeBatch(const Setting& setting, const ViewMaker& maker, int64_t batch) {
  const c10::NoGradGuard no_grad;
  const auto indices =
      absl::MakeConstSpan(setting.indices).subspan(batch * setting.batch_size, setting.batch_size);
  const auto n = static_cast<int64_t>(indices.size());
  CASSLE_ASSIGN_OR_RETURN(const std::vector<ViewSet> views, maker.Make(indices));
  std::vector<at::Tensor> features;
  for (const ViewSet& view : views) {
    CASSLE_ASSIGN_OR_RETURN(at::Tensor of_view, setting.encoder->Features(view.pixels, n));
    if (!at::isfinite(of_view).all().item().toBool()) {
      return absl::DataLossError(
          "features are not finite: the encoder has diverged; train it with a smaller learning "
          "rate");
    }
    features.push_back(of_view.to(at::kDouble));
  }
  if (!setting.pairs) {
    // View by view; the images of a batch stay together.
    const at::Tensor targets =
        at::cat({MatrixTensor(views[0].descriptors, n), MatrixTensor(views[1].descriptors, n)});
    return Rows{at::cat(features), targets.to(at::kDouble)};
  }
  const int size = setting.layout.size();
  std::vector<float> relative(n * size);
  for (int64_t i = 0; i < n; ++i) {
    setting.layout.DescribeRelative(views[0].records[i], views[1].records[i],
                                    absl::MakeSpan(relative).subspan(i * size, size));
  }
  return Rows{at::cat(features, 1), MatrixTensor(relative, n).to(at::kDouble)};
}

// Rows of images first .. last-1 (of `indices`); whole images, so that no image is in two parts.
Rows Part(const Setting& setting, const std::vector<Rows>& batches, int64_t first, int64_t last) {
  std::vector<at::Tensor> features, targets;
  const int64_t views = setting.pairs ? 1 : kViews;
  for (size_t b = 0; b < batches.size(); ++b) {
    const int64_t begin = static_cast<int64_t>(b) * setting.batch_size;
    const int64_t n = batches[b].features.size(0) / views;
    const int64_t from = std::max<int64_t>(first - begin, 0), to = std::min(last - begin, n);
    for (int64_t view = 0; view < views && from < to; ++view) {
      features.push_back(batches[b].features.narrow(0, view * n + from, to - from));
      targets.push_back(batches[b].targets.narrow(0, view * n + from, to - from));
    }
  }
  return {at::cat(features), at::cat(targets)};
}

// R^2 of every value, of predictions for `part`.
std::vector<double> Score(const RidgeRegression& regression, const Rows& part) {
  return CoefficientsOfDetermination(regression.Predict(part.features), part.targets);
}

// Over the values of the group that vary; not a number if none does.
double GroupMean(const std::vector<double>& values, const Group& group) {
  double sum = 0;
  int count = 0;
  for (int64_t i = group.first; i < group.first + group.size; ++i) {
    if (std::isnan(values[i])) continue;
    sum += values[i];
    ++count;
  }
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / count;
}

// R^2 on the test images of every value.
std::vector<double> TestScores(const Setting& setting, const std::vector<Rows>& batches,
                               int64_t num_test, int64_t num_val) {
  const auto images = static_cast<int64_t>(setting.indices.size());
  const Rows test = Part(setting, batches, 0, num_test);
  const Rows val = Part(setting, batches, num_test, num_test + num_val);
  const Rows train = Part(setting, batches, num_test + num_val, images);
  const size_t num_groups = setting.groups.size();
  std::vector<double> best(num_groups, -std::numeric_limits<double>::infinity());
  std::vector<double> chosen(num_groups, Regularizers().front());
  RidgeRegression search(train.features, train.targets);
  for (double w : Regularizers()) {
    search.Fit(w);
    const std::vector<double> values = Score(search, val);
    for (size_t g = 0; g < num_groups; ++g) {
      const double score = GroupMean(values, setting.groups[g]);
      if (!(score > best[g])) continue;
      best[g] = score;
      chosen[g] = w;
    }
  }
  const Rows all = Part(setting, batches, num_test, images);
  RidgeRegression regression(all.features, all.targets);
  std::vector<double> scores(setting.layout.size());
  for (double w : Regularizers()) {
    if (std::find(chosen.begin(), chosen.end(), w) == chosen.end()) continue;
    regression.Fit(w);
    const std::vector<double> values = Score(regression, test);
    for (size_t g = 0; g < num_groups; ++g) {
      const Group& group = setting.groups[g];
      if (chosen[g] != w) continue;
      std::copy_n(values.begin() + group.first, group.size, scores.begin() + group.first);
    }
  }
  return scores;
}

void AddChart(const std::string& name, const std::vector<std::string>& categories,
              const std::vector<double>& values, v1::Evaluation* evaluation) {
  v1::Chart* chart = evaluation->add_charts();
  chart->set_name(name);
  chart->set_title("What of the augmentation is linearly readable from the features");
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
  for (const Group& group : setting.groups) {
    for (int64_t i = 0; i < group.size; ++i) parts.push_back(absl::StrCat(group.name, " ", i + 1));
    const double mean = GroupMean(values, group);
    names.push_back(group.name);
    means.push_back(mean);
    if (std::isnan(mean)) {
      evaluation->add_warnings(
          absl::StrCat(group.name, " is the same in all views of the test images: no R2"));
      continue;
    }
    v1::Score* score = evaluation->add_scores();
    score->set_name(absl::StrCat(what, ", ", group.name, ": R2"));
    score->set_value(mean);
    score->set_better(v1::Score::NEITHER);
    score->set_num_test(static_cast<int32_t>(num_test));
  }
  AddChart(absl::StrCat(what, ": R2 by group"), names, means, evaluation);
  AddChart(absl::StrCat(what, ": R2 by value"), parts, values, evaluation);
}

}  // namespace

StageInfo PredictAugmentationInfo() {
  return {.name = "predict-augmentation",
          .version = 1,
          .summary =
              "Measures how well the parameters of each augmentation can be read from an encoder's "
              "features by a linear map."};
}

absl::Status RunPredictAugmentation(const Options& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckOptions(options, context));
  ConfigureTorch(/*compute_threads=*/1);
  CASSLE_ASSIGN_OR_RETURN(const Setting setting, Prepare(options));
  const ViewMaker maker(setting.images, setting.layout, RecordsOf(setting));
  std::vector<Rows> batches;
  CASSLE_RETURN_IF_ERROR(ForEachBatch<Rows>(
      "encoding", setting.num_batches(), setting.batch_size, context,
      [&](int64_t batch) { return EncodeBatch(setting, maker, batch); },
      [&](const Rows& rows) {
        batches.push_back(rows);
        return absl::OkStatus();
      }));
  const auto images = static_cast<int64_t>(setting.indices.size());
  const auto part = [](double fraction, int64_t of) {
    return std::clamp<int64_t>(std::llround(fraction * static_cast<double>(of)), 2, of - 2);
  };
  const int64_t num_test = part(options.test_fraction(), images - 2);
  const int64_t num_val = part(options.val_fraction(), images - num_test);
  v1::Evaluation evaluation = setting.encoder->Describe("predict-augmentation");
  try {
    const c10::NoGradGuard no_grad;
    AddScores(setting, TestScores(setting, batches, num_test, num_val), num_test, &evaluation);
  } catch (const std::exception& error) {
    return absl::InternalError(error.what());
  }
  AddImages(*setting.images, num_test, context, &evaluation);
  context.Count("images", images);
  return WriteEvaluation(evaluation, context);
}

}  // namespace cassle
