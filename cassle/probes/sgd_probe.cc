#include "cassle/probes/sgd_probe.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/permutation.h"

namespace cassle {
namespace {

// One row of logits becomes the softmax minus one-hot, over `count`.
void ToResidual(int label, int64_t classes, int64_t count, double* z) {
  const double top = *std::max_element(z, z + classes);
  double sum = 0;
  for (int64_t c = 0; c < classes; ++c) sum += z[c] = std::exp(z[c] - top);
  for (int64_t c = 0; c < classes; ++c) z[c] = (z[c] / sum - (c == label)) / count;
}

// Not a number does not.
bool FitsFloat(double value) { return std::abs(value) <= std::numeric_limits<float>::max(); }

}  // namespace

double SgdProbeRate(const SgdProbeSettings& settings, int epoch) {
  double rate = settings.learning_rate;
  const int64_t tenths = 10 * static_cast<int64_t>(epoch), epochs = settings.epochs;
  if (tenths >= 6 * epochs) rate /= 10;
  if (tenths >= 8 * epochs) rate /= 10;
  return rate;
}

absl::StatusOr<SgdProbeOutcome> FitSgdProbe(const ProbeData& data,
                                            const SgdProbeSettings& settings) {
  const PaddedMatrix<float>& x = *data.learn;
  const int64_t rows = x.rows(), classes = data.classes;
  SgdProbeOutcome outcome;
  PaddedMatrix<double> weights(classes, x.columns()), velocity(classes, x.columns());
  PaddedMatrix<double> gradient(classes, x.columns());
  double best = -1;
  for (int epoch = 0; epoch < settings.epochs; ++epoch) {
    const double rate = SgdProbeRate(settings, epoch);
    const KeyedPermutation order(rows, settings.seed * 1000003 + epoch);
    for (int64_t begin = 0; begin < rows; begin += settings.batch_size) {
      const int64_t count = std::min(settings.batch_size, rows - begin);
      PaddedMatrix<float> batch(count, x.columns());
      std::vector<double> logits(count * classes);
      for (int64_t i = 0; i < count; ++i) {
        std::copy_n(x.row(order(begin + i)), x.columns(), batch.row(i));
      }
      MultiplyTransposed(batch.row(0), batch.stride(), count, weights.data(), weights.stride(),
                         classes, batch.stride(), logits.data(), classes);
      for (int64_t i = 0; i < count; ++i) {
        ToResidual(data.learn_labels[order(begin + i)], classes, count, &logits[i * classes]);
      }
      std::fill(gradient.data(), gradient.data() + gradient.size(), 0.0);
      AccumulateTransposed(logits.data(), classes, batch.row(0), batch.stride(), count, classes,
                           batch.stride(), gradient.data(), gradient.stride());
      for (int64_t i = 0; i < weights.size(); ++i) {
        velocity.data()[i] = settings.momentum * velocity.data()[i] + gradient.data()[i];
        weights.data()[i] -= rate * velocity.data()[i];
      }
    }
    if (!std::all_of(weights.data(), weights.data() + weights.size(), FitsFloat)) {
      return absl::FailedPreconditionError(absl::StrCat("training diverged in epoch ", epoch + 1,
                                                        ": choose a smaller --learning_rate"));
    }
    std::vector<int> predicted = Predict(*data.test, 0, data.test->rows(), weights, 1);
    const ClassCounts counts = CountRight(predicted, data.test_labels, data.classes);
    outcome.test_top1.push_back(counts.Top1());
    if (!settings.best_test_epoch || counts.Top1() > best) {
      best = counts.Top1();
      outcome.chosen_epoch = epoch;
      outcome.test_predictions = std::move(predicted);
      outcome.test = counts;
      outcome.classifier = PaddedMatrix<double>(classes, x.columns());
      std::copy(weights.data(), weights.data() + weights.size(), outcome.classifier.data());
    }
    if (settings.go_on && !settings.go_on(epoch + 1)) {
      return absl::CancelledError("interrupted; run the same command again");
    }
  }
  return outcome;
}

}  // namespace cassle
