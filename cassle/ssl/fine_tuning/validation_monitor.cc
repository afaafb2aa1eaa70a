#include "cassle/ssl/fine_tuning/validation_monitor.h"

#include <ATen/ops/full.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/status_macros.h"
#include "cassle/ssl/fine_tuning/classify.h"
#include "cassle/ssl/method/weight_average.h"

namespace cassle {

ValidationMonitor::ValidationMonitor(const LabelledData& data, const v1::FineTuneOptions& options,
                                     ClassifierCopy copy, int threads)
    : data_(data),
      labels_(data.validation.LabelsOf(data.validated)),
      every_epochs_(options.monitor().every_epochs()),
      threads_(threads),
      copy_(std::move(copy)),
      right_(at::full({options.epochs() + 1}, -1, at::kLong)) {
  for (const auto& [name, network] :
       {std::pair<const char*, Module*>("backbone.", copy_.backbone.get()),
        {"projector.", copy_.head.get()}}) {
    for (const NamedTensor& entry : network->state()) {
      copy_state_.push_back({absl::StrCat(name, entry.name), entry.tensor});
    }
  }
}

absl::StatusOr<std::unique_ptr<ValidationMonitor>> ValidationMonitor::Create(
    const LabelledData& data, const v1::FineTuneOptions& options, ClassifierCopy copy,
    int threads) {
  std::unique_ptr<ValidationMonitor> monitor(
      new ValidationMonitor(data, options, std::move(copy), threads));
  CASSLE_ASSIGN_OR_RETURN(
      monitor->encoder_,
      FrozenEncoder::Create(monitor->copy_.spec, monitor->copy_.backbone, {}, monitor->copy_.head));
  if (!options.monitor().keep_best()) return monitor;
  for (const NamedTensor& entry : monitor->copy_state_) {
    monitor->best_state_.push_back({entry.name, entry.tensor.detach().clone().zero_()});
  }
  return monitor;
}

bool ValidationMonitor::IsDue(int64_t epoch, int64_t epochs) const {
  return epoch > 0 && (epoch % every_epochs_ == 0 || epoch == epochs);
}

absl::Status ValidationMonitor::Measure(const Method& method,
                                        const std::function<bool()>& interrupted,
                                        v1::TrainMetrics* line) {
  CopyTensors(FinishedState(method), copy_state_);
  CASSLE_ASSIGN_OR_RETURN(
      const std::vector<int> classes,
      Classify(*encoder_, copy_.head.get(), *data_.validation.images, data_.validated, threads_,
               [&](int64_t) { return !interrupted(); }));
  int64_t right = 0;
  for (size_t i = 0; i < classes.size(); ++i) right += classes[i] == labels_[i];
  line->set_validation_accuracy(static_cast<double>(right) / static_cast<double>(labels_.size()));
  right_[line->epoch()].fill_(right);
  if (!best_state_.empty() && best().epoch == line->epoch()) CopyTensors(copy_state_, best_state_);
  return absl::OkStatus();
}

std::string ValidationMonitor::Describe(const v1::TrainMetrics& line,
                                        const v1::TrainMetrics&) const {
  std::string said = absl::StrFormat("epoch %d: validation top1 %.2f %%", line.epoch(),
                                     100 * line.validation_accuracy());
  if (line.epoch() != best().epoch) {
    absl::StrAppendFormat(&said, " (the best: %.2f %% after epoch %d)", 100 * best().accuracy,
                          best().epoch);
  }
  return said;
}

std::vector<NamedTensor> ValidationMonitor::state() const {
  std::vector<NamedTensor> state = {{"right", right_}};
  for (const NamedTensor& entry : best_state_) {
    state.push_back({"best." + entry.name, entry.tensor});
  }
  return state;
}

std::vector<ValidationMonitor::Point> ValidationMonitor::curve() const {
  std::vector<Point> points;
  for (int64_t epoch = 0; epoch < right_.size(0); ++epoch) {
    const int64_t right = right_.data_ptr<int64_t>()[epoch];
    if (right < 0) continue;
    points.push_back({epoch, static_cast<double>(right) / static_cast<double>(labels_.size())});
  }
  return points;
}

ValidationMonitor::Point ValidationMonitor::best() const {
  Point best;
  for (const Point& point : curve()) {
    if (best.epoch == 0 || point.accuracy > best.accuracy) best = point;
  }
  return best;
}

}  // namespace cassle
