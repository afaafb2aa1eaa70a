#include "cassle/ssl/training/feature_monitor.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/thread_pool.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/probes/accuracy.h"
#include "cassle/probes/linear_probe.h"
#include "cassle/probes/nearest_neighbors.h"

namespace cassle {
namespace {

// Images that go through the encoder together.
constexpr int64_t kBatch = 64;
// The probe's regularisers, wide enough for the small features of a fresh encoder.
const std::vector<double>& Regularizers() {
  static const auto* grid = new std::vector<double>{1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 1e-1, 1, 10, 100};
  return *grid;
}
// Of the objective; accuracies stop changing long before.
constexpr double kTolerance = 1e-4;

struct Prepared {
  absl::Status status;
  std::vector<uint8_t> pixels;
};

Prepared Prepare(const LabelledImages& chosen, const FrozenEncoder& encoder, int64_t first,
                 int64_t last) {
  const int64_t bytes = encoder.input_bytes();
  Prepared prepared;
  prepared.pixels.resize((last - first) * bytes);
  RgbImage image;
  for (int64_t i = first; i < last && prepared.status.ok(); ++i) {
    v1::ImageRecord record;
    prepared.status = chosen.images->ReadImage(chosen.indices[i], &record, &image);
    if (!prepared.status.ok()) break;
    prepared.status = Annotate(encoder.Prepare(image, prepared.pixels.data() + (i - first) * bytes),
                               absl::StrCat("image ", record.id(), " (", record.key(), ")"));
  }
  return prepared;
}

// [n, F] -> rows with room for the kernels and a last column of 1.
PaddedMatrix<float> Rows(const std::vector<float>& features, int64_t size) {
  const int64_t rows = static_cast<int64_t>(features.size()) / size;
  PaddedMatrix<float> matrix(rows, size + 1);
  for (int64_t i = 0; i < rows; ++i) {
    std::copy_n(features.data() + i * size, size, matrix.row(i));
    matrix(i, size) = 1;
  }
  return matrix;
}

absl::StatusOr<std::shared_ptr<const Dataset>> OpenTestSplit(const std::string& wanted,
                                                             const Dataset& train) {
  std::string name = wanted;
  for (const v1::SplitInfo& split : train.info().splits()) {
    if (wanted.empty() && split.name() == "test" && split.num_images() > 0) name = split.name();
  }
  if (name.empty() || name == train.split().name()) return std::shared_ptr<const Dataset>();
  return Dataset::Open(train.folder(), name, "monitor.test_split");
}

}  // namespace

absl::Status FeatureMonitor::ChooseImages() {
  std::shared_ptr<const Dataset> images = setup_.images;
  if (!config_.input().empty()) {
    CASSLE_ASSIGN_OR_RETURN(
        images, Dataset::Open(config_.input(), config_.train_split(), "monitor.train_split"));
  } else if (images != nullptr && !config_.train_split().empty()) {
    CASSLE_ASSIGN_OR_RETURN(
        images, Dataset::Open(images->folder(), config_.train_split(), "monitor.train_split"));
  }
  if (images == nullptr) {
    return absl::FailedPreconditionError("recorded pixels have no labels");
  }
  CASSLE_ASSIGN_OR_RETURN(const std::shared_ptr<const Dataset> test,
                          OpenTestSplit(config_.test_split(), *images));
  const int64_t train_images = config_.train_images(), test_images = config_.test_images();
  if (test != nullptr) {
    CASSLE_ASSIGN_OR_RETURN(train_, ChooseLabelledImages(images, config_.target(), train_images));
    CASSLE_ASSIGN_OR_RETURN(test_, ChooseLabelledImages(test, config_.target(), test_images));
  } else {
    // One split for both: the images are shared out in proportion.
    CASSLE_ASSIGN_OR_RETURN(
        train_, ChooseLabelledImages(images, config_.target(), train_images + test_images));
    const int64_t chosen = static_cast<int64_t>(train_.indices.size());
    const int64_t kept =
        (chosen * train_images + train_images + test_images - 1) / (train_images + test_images);
    test_ = train_;
    test_.indices.erase(test_.indices.begin(), test_.indices.begin() + kept);
    test_.labels.erase(test_.labels.begin(), test_.labels.begin() + kept);
    train_.indices.resize(kept);
    train_.labels.resize(kept);
  }
  if (train_.indices.size() < 2 || test_.indices.empty() || train_.classes < 2) {
    return absl::FailedPreconditionError(
        absl::StrCat(train_.indices.size(), " labelled images of ", train_.classes,
                     " classes to learn from and ", test_.indices.size(),
                     " to test on are too few: at least 2 of 2 classes and 1 are needed"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<FeatureMonitor>> FeatureMonitor::Create(
    const v1::MonitorConfig& config, const MonitorSetup& setup) {
  if (config.every_epochs() == 0) return std::unique_ptr<FeatureMonitor>();
  std::unique_ptr<FeatureMonitor> monitor(new FeatureMonitor(config, setup));
  const absl::Status chosen = monitor->ChooseImages();
  if (chosen.code() == absl::StatusCode::kFailedPrecondition) {
    return absl::FailedPreconditionError(
        absl::StrCat("--monitor.every_epochs=", config.every_epochs(), ": ", chosen.message(),
                     ". Name a labelled data set by --monitor.input, or leave the flag out"));
  }
  CASSLE_RETURN_IF_ERROR(chosen);
  CASSLE_ASSIGN_OR_RETURN(monitor->copy_, setup.make_backbone());
  return monitor;
}

absl::Status FeatureMonitor::Measure(const Method& method, const std::function<bool()>& interrupted,
                                     v1::TrainMetrics* line) {
  CASSLE_ASSIGN_OR_RETURN(const MonitorValues values, Measure(method.backbone(), interrupted));
  line->set_probe_accuracy(values.probe_accuracy);
  line->set_knn_accuracy(values.knn_accuracy);
  return absl::OkStatus();
}

std::string FeatureMonitor::Describe(const v1::TrainMetrics& line,
                                     const v1::TrainMetrics& untrained) const {
  std::string said =
      absl::StrFormat("epoch %d: probe %.2f%%, nearest neighbours %.2f%%", line.epoch(),
                      100 * line.probe_accuracy(), 100 * line.knn_accuracy());
  if (line.epoch() > 0) {
    absl::StrAppendFormat(&said, " (at the start: %.2f%%, %.2f%%)",
                          100 * untrained.probe_accuracy(), 100 * untrained.knn_accuracy());
  }
  return said;
}

bool FeatureMonitor::IsDue(int64_t epoch, int64_t epochs) const {
  return epoch % config_.every_epochs() == 0 || epoch == epochs;
}

std::string FeatureMonitor::DescribeImages() const {
  return absl::StrCat("monitors learn from ", train_.indices.size(), " images of split '",
                      train_.images->split().name(), "' and are tested on ", test_.indices.size(),
                      " of '", test_.images->split().name(), "', ", train_.classes, " classes");
}

absl::StatusOr<std::vector<float>> FeatureMonitor::Embed(
    const LabelledImages& chosen, const FrozenEncoder& encoder,
    const std::function<bool()>& interrupted) const {
  const int64_t images = static_cast<int64_t>(chosen.indices.size());
  OrderedPipeline<Prepared> batches(
      setup_.threads, 0, (images + kBatch - 1) / kBatch, /*look_ahead=*/setup_.threads + 1,
      [&](int64_t index) {
        return Prepare(chosen, encoder, index * kBatch, std::min((index + 1) * kBatch, images));
      },
      Priority::kBackground);
  std::vector<float> features;
  features.reserve(images * encoder.feature_size());
  while (const std::optional<Prepared> batch = batches.Next()) {
    CASSLE_RETURN_IF_ERROR(batch->status);
    if (interrupted()) return absl::CancelledError("interrupted");
    CASSLE_ASSIGN_OR_RETURN(const std::vector<float> values, encoder.Extract(batch->pixels));
    features.insert(features.end(), values.begin(), values.end());
  }
  const auto broken = std::find_if(features.begin(), features.end(),
                                   [](float value) { return !std::isfinite(value); });
  if (broken != features.end()) {
    const int64_t row = (broken - features.begin()) / encoder.feature_size();
    return absl::FailedPreconditionError(
        absl::StrCat("the features of image ", chosen.images->first_id() + chosen.indices[row],
                     " are not finite: the encoder has diverged"));
  }
  return features;
}

absl::StatusOr<MonitorValues> FeatureMonitor::Measure(const Backbone& trained,
                                                      const std::function<bool()>& interrupted) {
  CopyState(trained, copy_.get());
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<FrozenEncoder> encoder,
                          FrozenEncoder::Create(setup_.spec, copy_, {.bfloat16 = setup_.bfloat16}));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<float> train, Embed(train_, *encoder, interrupted));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<float> test, Embed(test_, *encoder, interrupted));
  const int64_t size = copy_->feature_size();
  MonitorValues values;
  {
    const NeighborTable table = FindNeighbors(
        {train, size}, {test, size}, {.neighbors = config_.neighbors(), .threads = setup_.threads});
    const std::vector<int> predicted = VoteByNeighbors(table, train_.labels, train_.classes,
                                                       config_.neighbors(), /*temperature=*/0.07);
    values.knn_accuracy = CountRight(predicted, test_.labels, train_.classes).Top1();
  }
  const PaddedMatrix<float> learn = Rows(train, size), tested = Rows(test, size);
  ProbeData data;
  data.learn = &learn;
  // The images are in random order already.
  data.train_rows = learn.rows() - std::max<int64_t>(1, learn.rows() / 5);
  data.learn_labels = train_.labels;
  data.test = &tested;
  data.test_labels = test_.labels;
  data.classes = train_.classes;
  ProbeSettings settings;
  settings.grid = Regularizers();
  settings.tolerance = kTolerance;
  settings.threads = setup_.threads;
  settings.go_on = [&](int) { return !interrupted(); };
  CASSLE_ASSIGN_OR_RETURN(const ProbeOutcome outcome, RunProbe(data, settings));
  values.probe_accuracy = outcome.test.Top1();
  return values;
}

}  // namespace cassle
