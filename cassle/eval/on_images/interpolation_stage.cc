#include "cassle/eval/on_images/interpolation_stage.h"

#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/records/dataset.h"
#include "cassle/eval/on_images/view_options.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/features/changed_views.h"
#include "cassle/features/for_each_batch.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/runtime/device.h"
#include "cassle/runtime/torch_guard.h"
#include "cassle/runtime/torch_runtime.h"

namespace cassle {
namespace {

using Options = v1::InterpolationOptions;

// cosines[strength][layer] of one sweep: sums over images, later means.
using Curves = std::vector<std::vector<double>>;

constexpr double kSmallestNorm = 1e-8;
// For policies without blur; holds 2 standard deviations of 2 px to each side.
constexpr int kDefaultKernelPx = 9;

// first, first + step, ...
std::vector<double> Steps(double first, double step, int count) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) values.push_back(first + i * step);
  return values;
}

// The parameters of a jitter that changes nothing, with the one operation that will.
v1::ColorJitterParameters* OneColorStep(v1::ColorOperation operation, v1::ViewRecord* record) {
  v1::ColorJitterParameters* jitter = record->mutable_color_jitter();
  jitter->Clear();
  jitter->set_brightness(1);
  jitter->set_contrast(1);
  jitter->set_saturation(1);
  jitter->set_hue(0);
  jitter->add_order(operation);
  for (int other = 0; other < 4; ++other) {
    if (other != operation) jitter->add_order(static_cast<v1::ColorOperation>(other));
  }
  return jitter;
}

void SetBrightness(double factor, const v1::Policy&, v1::ViewRecord* record) {
  OneColorStep(v1::BRIGHTNESS, record)->set_brightness(static_cast<float>(factor));
}
void SetContrast(double factor, const v1::Policy&, v1::ViewRecord* record) {
  OneColorStep(v1::CONTRAST, record)->set_contrast(static_cast<float>(factor));
}
void SetSaturation(double factor, const v1::Policy&, v1::ViewRecord* record) {
  OneColorStep(v1::SATURATION, record)->set_saturation(static_cast<float>(factor));
}
void SetHue(double turns, const v1::Policy&, v1::ViewRecord* record) {
  OneColorStep(v1::HUE, record)->set_hue(static_cast<float>(turns));
}

void SetBlur(double sigma_px, const v1::Policy& policy, v1::ViewRecord* record) {
  const int largest = 2 * static_cast<int>(record->size()) - 1;
  const int kernel_px = policy.has_blur() ? policy.blur().kernel_px() : kDefaultKernelPx;
  record->mutable_blur()->set_sigma_px(static_cast<float>(sigma_px));
  record->mutable_blur()->set_kernel_px(std::min(kernel_px, largest));
}

// The central square whose area is this part of the largest one's.
void SetCrop(double area, const v1::Policy&, v1::ViewRecord* record) {
  const uint32_t shorter = std::min(record->source_height(), record->source_width());
  const auto side = static_cast<uint32_t>(
      std::max<int64_t>(1, std::llround(std::sqrt(area) * static_cast<double>(shorter))));
  v1::CropParameters* crop = record->mutable_crop();
  crop->set_top((record->source_height() - side) / 2);
  crop->set_left((record->source_width() - side) / 2);
  crop->set_height(side);
  crop->set_width(side);
}

v1::ViewRecord Original(const v1::ImageRecord& image, int size) {
  v1::ViewRecord record;
  record.set_image_id(image.id());
  record.set_source_height(image.height());
  record.set_source_width(image.width());
  record.set_size(size);
  SetCrop(1, {}, &record);
  return record;
}

struct Setting {
  std::shared_ptr<const Dataset> images;
  MeasuredEncoder measured;
  std::vector<std::string> layers;
  std::vector<int64_t> indices;
  int64_t batch_size = 0;

  const FrozenEncoder& encoder() const { return *measured.encoder; }
};

absl::StatusOr<Setting> Prepare(const Options& options, StageContext* context) {
  Setting setting;
  CASSLE_ASSIGN_OR_RETURN(setting.images, OpenImages(options.input(), options.split()));
  CASSLE_ASSIGN_OR_RETURN(setting.measured, LoadEncoder(options));
  setting.layers = FrozenEncoder::LayerNames();
  if (setting.encoder().has_projector()) setting.layers.push_back(kProjectorLayer);
  if (setting.encoder().is_told()) {
    setting.layers.push_back(absl::StrCat(kProjectorLayer, ", told of no change"));
  }
  setting.indices = ChooseImages(*setting.images, options.num_images(), options.seed());
  setting.batch_size = options.batch_size();
  // A smaller batch would have other statistics, and a single image none.
  if (options.bn_mode() == v1::TRAIN) {
    CASSLE_ASSIGN_OR_RETURN(setting.batch_size,
                            KeepWholeBatches(setting.batch_size, &setting.indices, context));
  }
  return setting;
}

// View 0 is the original, then all strengths of the sweep.
ViewMaker MakerOf(const Setting& setting, const Sweep& sweep) {
  const auto records = [size = setting.encoder().image_size(),
                        policy = setting.measured.views.policy,
                        sweep](const v1::ImageRecord& image) {
    std::vector<v1::ViewRecord> made = {Original(image, size)};
    for (double strength : sweep.strengths) {
      made.push_back(Original(image, size));
      sweep.set(strength, policy, &made.back());
    }
    return made;
  };
  return {setting.images, setting.measured.views.layout, records};
}

// The sum over rows of the cosines of a and b.
double SumOfCosines(const at::Tensor& a, const at::Tensor& b) {
  const at::Tensor x = a.flatten(1).to(at::kDouble), y = b.flatten(1).to(at::kDouble);
  const at::Tensor norms = (x.square().sum(1) * y.square().sum(1)).sqrt().clamp_min(kSmallestNorm);
  return ((x * y).sum(1) / norms).sum().item().toDouble();
}

// The outputs to compare: of all layers, then of the projector in its ways of being told.
absl::StatusOr<std::vector<at::Tensor>> Outputs(const FrozenEncoder& encoder, const ViewSet& view,
                                                const ViewSet& original) {
  CASSLE_ASSIGN_OR_RETURN(std::vector<at::Tensor> outputs, encoder.Layers(view.pixels));
  const at::Tensor features = outputs.back();
  if (encoder.has_projector()) {
    CASSLE_ASSIGN_OR_RETURN(outputs.emplace_back(), encoder.Project(features, view.descriptors));
  }
  if (encoder.is_told()) {
    CASSLE_ASSIGN_OR_RETURN(outputs.emplace_back(),
                            encoder.Project(features, original.descriptors));
  }
  return outputs;
}

// All sweeps of one batch, one after the other: that many views are held at a time.
absl::StatusOr<Curves> MeasureBatch(const Setting& setting, int64_t first, int64_t last) {
  const auto indices = absl::MakeConstSpan(setting.indices).subspan(first, last - first);
  std::vector<at::Tensor> original;
  Curves curves;
  for (const Sweep& sweep : Sweeps()) {
    CASSLE_ASSIGN_OR_RETURN(const std::vector<ViewSet> views,
                            MakerOf(setting, sweep).Make(indices));
    if (original.empty()) {
      CASSLE_ASSIGN_OR_RETURN(original, Outputs(setting.encoder(), views[0], views[0]));
    }
    for (size_t v = 1; v < views.size(); ++v) {
      CASSLE_ASSIGN_OR_RETURN(const std::vector<at::Tensor> changed,
                              Outputs(setting.encoder(), views[v], views[0]));
      std::vector<double>& sums = curves.emplace_back();
      for (size_t layer = 0; layer < changed.size(); ++layer) {
        sums.push_back(SumOfCosines(original[layer], changed[layer]));
        if (std::isfinite(sums.back())) continue;
        return absl::DataLossError(
            absl::StrCat(sweep.parameter, ", ", setting.layers[layer],
                         ": features are not finite: the encoder has diverged; train it with a "
                         "smaller learning rate"));
      }
    }
  }
  return curves;
}

absl::StatusOr<Curves> MeasureAll(const Setting& setting, const StageContext& context) {
  Curves mean;
  const auto images = static_cast<int64_t>(setting.indices.size());
  CASSLE_RETURN_IF_ERROR(ForEachBatch<Curves>(
      "measuring", images, setting.batch_size, context,
      [&](int64_t first, int64_t last) { return MeasureBatch(setting, first, last); },
      [&](const Curves& curves) {
        if (mean.empty()) mean = Curves(curves.size(), std::vector<double>(curves[0].size()));
        for (size_t v = 0; v < curves.size(); ++v) {
          for (size_t layer = 0; layer < curves[v].size(); ++layer) {
            mean[v][layer] += curves[v][layer] / static_cast<double>(images);
          }
        }
        return absl::OkStatus();
      }));
  return mean;
}

// `first` is where the sweep's strengths begin in `curves`.
v1::Chart ChartOf(const Setting& setting, const Sweep& sweep, const Curves& curves, size_t first) {
  v1::Chart chart;
  chart.set_name(absl::StrCat("interpolation: ", sweep.parameter));
  chart.set_title(absl::StrCat("Similarity of features to the original's over ", sweep.label));
  chart.set_kind(v1::Chart::LINES);
  chart.mutable_x()->set_label(sweep.label);
  chart.mutable_y()->set_label("mean cosine");
  for (size_t layer = 0; layer < setting.layers.size(); ++layer) {
    v1::ChartLine* line = chart.add_series();
    line->set_name(setting.layers[layer]);
    for (size_t i = 0; i < sweep.strengths.size(); ++i) {
      line->add_x(sweep.strengths[i]);
      line->add_y(curves[first + i][layer]);
    }
  }
  return chart;
}

void AddScores(const Setting& setting, const Sweep& sweep, const Curves& curves, size_t first,
               v1::Evaluation* evaluation) {
  for (size_t layer = FrozenEncoder::LayerNames().size() - 1; layer < setting.layers.size();
       ++layer) {
    double sum = 0;
    for (size_t i = 0; i < sweep.strengths.size(); ++i) {
      if (static_cast<int>(i) != sweep.identity) sum += curves[first + i][layer];
    }
    v1::Score* score = evaluation->add_scores();
    score->set_name(absl::StrCat(sweep.parameter, ", ", setting.layers[layer], ": mean cosine"));
    score->set_value(sum / static_cast<double>(sweep.strengths.size() - 1));
    score->set_num_test(static_cast<int32_t>(setting.indices.size()));
  }
}

absl::Status Evaluate(const Options& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckViewOptions(options, context));
  ConfigureTorch(/*compute_threads=*/1);
  CASSLE_ASSIGN_OR_RETURN(const Setting setting, Prepare(options, &context));
  CASSLE_ASSIGN_OR_RETURN(const Curves curves, MeasureAll(setting, context));
  v1::Evaluation evaluation =
      DescribeEvaluation("interpolation", "Similarity along an augmentation", setting.encoder(),
                         setting.measured.views.policy);
  size_t first = 0;
  for (const Sweep& sweep : Sweeps()) {
    AddScores(setting, sweep, curves, first, &evaluation);
    *evaluation.add_charts() = ChartOf(setting, sweep, curves, first);
    first += sweep.strengths.size();
  }
  if (options.bn_mode() == v1::TRAIN) evaluation.add_warnings(kBatchStatisticsWarning);
  const auto images = static_cast<int64_t>(setting.indices.size());
  AddImages(*setting.images, images, context, &evaluation);
  context.Count("images", images);
  return WriteEvaluation(evaluation, context);
}

}  // namespace

const std::vector<Sweep>& Sweeps() {
  static const auto& sweeps = *new std::vector<Sweep>{
      {"brightness", "brightness, factor", Steps(0.125, 0.125, 16), 7, SetBrightness},
      {"contrast", "contrast, factor", Steps(0.125, 0.125, 16), 7, SetContrast},
      {"saturation", "saturation, factor", Steps(0.125, 0.125, 16), 7, SetSaturation},
      {"hue", "hue, turns", Steps(-0.5, 0.0625, 17), 8, SetHue},
      {"blur", "sigma of the blur, pixels", Steps(0, 0.125, 17), 0, SetBlur},
      {"crop", "area of the crop, fraction", Steps(0.0625, 0.0625, 16), 15, SetCrop}};
  return sweeps;
}

StageInfo InterpolationInfo() {
  return {
      .name = "interpolation",
      .version = 2,
      .summary =
          "Measures how the features of an encoder move away from an image's while one parameter "
          "of an augmentation grows: brightness, contrast, saturation, hue, blur, crop.",
      .resolve = ResolveWhere};
}

absl::Status RunInterpolation(const Options& options, StageContext& context) {
  return CatchTorch([&] { return Evaluate(options, context); });
}

}  // namespace cassle
