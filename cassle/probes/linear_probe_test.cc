#include "cassle/probes/linear_probe.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/probes/accuracy.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

// eval_linear.safetensors: the authors' own run, and the exact optima in float64.
class GoldenLinearTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("eval_linear.safetensors"));
    file_ = std::make_unique<SafetensorsFile>(file);
    const int64_t train = View("x_train").shape[0], val = View("x_val").shape[0];
    const int64_t test = View("x_test").shape[0];
    columns_ = View("x_train").shape[1];
    classes_ = View("init.W").shape[0];
    learn_ = PaddedMatrix<float>(train + val, columns_ + 1);
    test_ = PaddedMatrix<float>(test, columns_ + 1);
    Fill("x_train", 0, &learn_);
    Fill("x_val", train, &learn_);
    Fill("x_test", 0, &test_);
    data_.learn = &learn_;
    data_.train_rows = train;
    data_.test = &test_;
    data_.classes = classes_;
    for (const char* name : {"y_train", "y_val"}) {
      for (int64_t y : View(name).values<int64_t>()) data_.learn_labels.push_back(y);
    }
    for (int64_t y : View("y_test").values<int64_t>()) data_.test_labels.push_back(y);
    const auto grid = View("w_grid").values<double>();
    settings_.grid.assign(grid.begin(), grid.end());
  }

  TensorView View(const std::string& name) const { return file_->Get(name).value(); }
  double Scalar(const std::string& name) const { return View(name).values<double>()[0]; }

  void Fill(const std::string& name, int64_t first, PaddedMatrix<float>* to) const {
    const auto values = View(name).values<float>();
    for (int64_t i = 0; i < View(name).shape[0]; ++i) {
      std::copy_n(values.data() + i * columns_, columns_, to->row(first + i));
      (*to)(first + i, columns_) = 1;
    }
  }

  static double Largest(absl::Span<const float> values) {
    double largest = 0;
    for (float value : values) largest = std::max<double>(largest, std::abs(value));
    return largest;
  }

  // Largest difference between a classifier and golden weights and biases.
  double Distance(const PaddedMatrix<double>& classifier, absl::Span<const float> weights,
                  absl::Span<const float> biases) const {
    double distance = 0;
    for (int64_t c = 0; c < classes_; ++c) {
      for (int64_t k = 0; k < columns_; ++k) {
        distance = std::max(distance, std::abs(classifier(c, k) - weights[c * columns_ + k]));
      }
      distance = std::max(distance, std::abs(classifier(c, columns_) - biases[c]));
    }
    return distance;
  }

  // Entry i of a stack of tensors of `size` numbers.
  absl::Span<const float> At(const std::string& name, int64_t i, int64_t size) const {
    return View(name).values<float>().subspan(i * size, size);
  }

  std::vector<int> TrainLabels() const {
    return {data_.learn_labels.begin(), data_.learn_labels.begin() + data_.train_rows};
  }

  PaddedMatrix<double> Classifier(absl::Span<const float> weights,
                                  absl::Span<const float> biases) const {
    PaddedMatrix<double> classifier(classes_, columns_ + 1);
    for (int64_t c = 0; c < classes_; ++c) {
      for (int64_t k = 0; k < columns_; ++k) classifier(c, k) = weights[c * columns_ + k];
      classifier(c, columns_) = biases[c];
    }
    return classifier;
  }

  ClassCounts Count(const PaddedMatrix<float>& x, int64_t first, int64_t rows,
                    const std::string& labels, const PaddedMatrix<double>& classifier) const {
    const auto y = View(labels).values<int64_t>();
    return CountRight(Predict(x, first, rows, classifier, 1), {y.begin(), y.end()}, classes_);
  }

  // How many rows lie so near the border of two classes that weights and biases which differ by
  // `error` of the largest may put them into either.
  int64_t RowsOnBorders(const PaddedMatrix<float>& x, int64_t first, int64_t rows,
                        const PaddedMatrix<double>& classifier, double error) const {
    double largest = 0;
    for (int64_t i = 0; i < classifier.size(); ++i) {
      largest = std::max(largest, std::abs(classifier.data()[i]));
    }
    int64_t near = 0;
    for (int64_t i = first; i < first + rows; ++i) {
      std::vector<double> logits(classes_);
      double sum = 0;
      for (int64_t k = 0; k <= columns_; ++k) {
        for (int64_t c = 0; c < classes_; ++c) logits[c] += classifier(c, k) * x(i, k);
        sum += std::abs(x(i, k));
      }
      std::sort(logits.rbegin(), logits.rend());
      near += logits[0] - logits[1] <= 2 * error * largest * sum;
    }
    return near;
  }

  // What one row more or less changes of an accuracy, and of a class average at most; absent
  // classes do not count.
  static double RowOf(int64_t rows) { return 1.0001 / static_cast<double>(rows); }
  double RowOfSmallestClass(const std::string& labels) const {
    std::vector<int64_t> rows_of_class(classes_);
    for (int64_t y : View(labels).values<int64_t>()) ++rows_of_class[y];
    int64_t present = 0, smallest = learn_.rows() + test_.rows();
    for (int64_t rows : rows_of_class) {
      present += rows > 0;
      smallest = rows > 0 ? std::min(smallest, rows) : smallest;
    }
    return 1.0001 / static_cast<double>(smallest * present);
  }

  // Their classifiers are the optimum where their float32 L-BFGS arrived, which for separable
  // classes and a small w it does not: its accuracies count where `obj` is within 1e-5 of the
  // optimum. Where all do, so does the choice: the best of either are as good for the other.
  void ExpectAccuraciesOfTheAuthors(const ProbeOutcome& outcome, const std::string& metric,
                                    double row) const {
    const auto theirs = View(metric + ".val_acc").values<double>();
    int arrived = 0, same = 0;
    for (size_t i = 0; i < outcome.grid.size(); ++i) {
      if (View("obj").values<double>()[i] >
          (1 + 1e-5) * View("opt64.objective").values<double>()[i]) {
        continue;
      }
      ++arrived;
      EXPECT_NEAR(outcome.grid[i].val_accuracy, theirs[i], row) << settings_.grid[i];
      same += std::abs(outcome.grid[i].val_accuracy - theirs[i]) < 1e-6;
    }
    EXPECT_GT(arrived, static_cast<int>(outcome.grid.size() / 2));
    if (same == static_cast<int>(outcome.grid.size())) {
      EXPECT_NEAR(outcome.grid[outcome.best].w / Scalar(metric + ".best_w"), 1, 1e-5);
    }
    for (size_t i = 0; i < outcome.grid.size(); ++i) {
      EXPECT_LE(outcome.grid[i].val_accuracy, outcome.grid[outcome.best].val_accuracy) << i;
      if (static_cast<int>(i) < outcome.best) {
        EXPECT_LT(outcome.grid[i].val_accuracy, outcome.grid[outcome.best].val_accuracy) << i;
      }
    }
  }

  // Their classifier after the refit is as far from ours, the optimum, as its objective allows:
  // f(W) - f* >= w |W - W*|^2.
  void ExpectRefitOfTheAuthors(const ProbeOutcome& refit, const std::string& metric) {
    SoftmaxRegression both(&learn_, learn_.rows(), data_.learn_labels, classes_, 1);
    const auto weights = View(metric + ".final.W").values<float>();
    const auto biases = View(metric + ".final.b").values<float>();
    const double w = Scalar(metric + ".best_w"), optimum = refit.refit.objective;
    const double theirs = both.Objective(w, Classifier(weights, biases), nullptr);
    // Their float32 run stops where rounding hides the fall, earlier where w is small: by how much
    // the fit of the grid shows.
    double stopped = 0;
    for (size_t i = 0; i < View("w_grid").values<double>().size(); ++i) {
      if (std::abs(View("w_grid").values<double>()[i] / w - 1) > 1e-5) continue;
      stopped = View("obj").values<double>()[i] / View("opt64.objective").values<double>()[i] - 1;
    }
    // A few units in the last place of a float32 sum at least.
    const double gap = (1e-6 + 10 * stopped) * optimum;
    EXPECT_LT(theirs, optimum + gap);
    const double distance = std::sqrt(gap / w) + 1e-4 * Largest(weights);
    EXPECT_LE(Distance(refit.classifier, weights, biases), distance);
    // Rows that so near a classifier may put elsewhere.
    const double near = RowsOnBorders(test_, 0, test_.rows(), refit.classifier,
                                      distance / std::max(Largest(weights), 1e-30));
    const bool top1 = metric == "top1";
    EXPECT_NEAR(top1 ? refit.test.Top1() : refit.test.ClassAverage(), Scalar(metric + ".test_acc"),
                near * (top1 ? RowOf(test_.rows()) : RowOfSmallestClass("y_test")) + 1e-6);
  }

  std::unique_ptr<SafetensorsFile> file_;
  int64_t columns_ = 0;
  int classes_ = 0;
  PaddedMatrix<float> learn_, test_;
  ProbeData data_;
  ProbeSettings settings_;
};

TEST_F(GoldenLinearTest, TheGridIsTheAuthors) {
  const std::vector<double> grid = AuthorsGrid();
  ASSERT_EQ(grid.size(), settings_.grid.size());
  // torch.logspace in float32.
  for (size_t i = 0; i < grid.size(); ++i) EXPECT_NEAR(grid[i] / settings_.grid[i], 1, 1e-5);
}

TEST_F(GoldenLinearTest, WeightsOfEveryValueAreTheExactOptimum) {
  SoftmaxRegression regression(&learn_, data_.train_rows, TrainLabels(), classes_, 1);
  const auto weights = View("opt64.W").values<float>();
  const auto biases = View("opt64.b").values<float>();
  for (int i = static_cast<int>(settings_.grid.size()) - 1; i >= 0; --i) {
    PaddedMatrix<double> classifier = regression.Zeros();
    const FitReport fit = regression.Fit(settings_.grid[i], 1e-13, &classifier);
    EXPECT_TRUE(fit.converged);
    const double optimum = View("opt64.objective").values<double>()[i];
    EXPECT_NEAR(fit.objective, optimum, 1e-7 * optimum) << settings_.grid[i];
    const auto w = weights.subspan(i * classes_ * columns_, classes_ * columns_);
    const auto b = biases.subspan(i * classes_, classes_);
    // The golden weights are rounded to float32 and stop at a gradient of about 1e-6.
    EXPECT_LE(Distance(classifier, w, b), 2e-4 * Largest(w) + 1e-6) << settings_.grid[i];
  }
}

TEST_F(GoldenLinearTest, AccuraciesOfTheAuthorsClassifiersAreTheirs) {
  // Theirs are fractions in float32, of float32 logits.
  constexpr double kError = 1e-6;
  const int64_t val_rows = learn_.rows() - data_.train_rows;
  for (size_t i = 0; i < settings_.grid.size(); ++i) {
    const PaddedMatrix<double> classifier =
        Classifier(At("path.W", i, classes_ * columns_), At("path.b", i, classes_));
    const ClassCounts counts = Count(learn_, data_.train_rows, val_rows, "y_val", classifier);
    const double near = RowsOnBorders(learn_, data_.train_rows, val_rows, classifier, kError);
    EXPECT_NEAR(counts.Top1(), View("top1.val_acc").values<double>()[i],
                near * RowOf(val_rows) + kError)
        << i;
    EXPECT_NEAR(counts.ClassAverage(), View("classavg.val_acc").values<double>()[i],
                near * RowOfSmallestClass("y_val") + kError)
        << i;
  }
  for (const std::string metric : {"top1", "classavg"}) {
    const PaddedMatrix<double> classifier = Classifier(View(metric + ".final.W").values<float>(),
                                                       View(metric + ".final.b").values<float>());
    const ClassCounts counts = Count(test_, 0, test_.rows(), "y_test", classifier);
    const double near = RowsOnBorders(test_, 0, test_.rows(), classifier, kError);
    EXPECT_NEAR(metric == "top1" ? counts.Top1() : counts.ClassAverage(),
                Scalar(metric + ".test_acc"), near * RowOfSmallestClass("y_test") + kError);
    // They take the first best, and the file says so twice.
    const auto accuracies = View(metric + ".val_acc").values<double>();
    const int64_t best =
        std::max_element(accuracies.begin(), accuracies.end()) - accuracies.begin();
    EXPECT_NEAR(settings_.grid[best] / Scalar(metric + ".best_w"), 1, 1e-6);
  }
  EXPECT_NEAR(std::stod(file_->Metadata("best_w")) / Scalar("top1.best_w"), 1, 1e-6);
  EXPECT_NEAR(std::stod(file_->Metadata("top1_test")), Scalar("top1.test_acc"), 1e-6);
}

// What the file says of its own numbers, by our objective in float64.
TEST_F(GoldenLinearTest, ObjectivesOfTheAuthorsClassifiersAreWhatTheFileSays) {
  SoftmaxRegression regression(&learn_, data_.train_rows, TrainLabels(), classes_, 1);
  for (size_t i = 0; i < settings_.grid.size(); ++i) {
    const double w = settings_.grid[i];
    const double theirs = View("obj").values<double>()[i];
    EXPECT_NEAR(regression.Objective(
                    w, Classifier(At("path.W", i, classes_ * columns_), At("path.b", i, classes_)),
                    nullptr),
                theirs, 1e-9 * theirs)
        << w;
    // Near the optimum; weights rounded to float32 have another gradient, so it is only bounded:
    // f - f* <= |gradient|^2 / (4 w).
    const double optimum = View("opt64.objective").values<double>()[i];
    const double gradient = View("opt64.grad_norm").values<double>()[i];
    EXPECT_LT(gradient * gradient / (4 * w), 1e-4 * optimum) << w;
    EXPECT_GE(theirs, optimum * (1 - 1e-9)) << w;
  }
}

TEST_F(GoldenLinearTest, Top1RunIsTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome outcome, RunProbe(data_, settings_));
  ExpectAccuraciesOfTheAuthors(outcome, "top1", RowOf(learn_.rows() - data_.train_rows));
  for (size_t i = 0; i < outcome.grid.size(); ++i) {
    // One row may lie on the border of two classes.
    EXPECT_NEAR(outcome.grid[i].val_accuracy, View("opt64.val_acc").values<double>()[i],
                RowOf(learn_.rows() - data_.train_rows));
  }
  // The refit, with their choice.
  settings_.grid = {Scalar("top1.best_w")};
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome refit, RunProbe(data_, settings_));
  EXPECT_NEAR(
      refit.test.Top1(), Scalar("opt64.final.test_acc"),
      RowsOnBorders(test_, 0, test_.rows(), refit.classifier, 1e-6) * RowOf(test_.rows()) + 1e-6);
  const double optimum = Scalar("opt64.final.objective");
  EXPECT_NEAR(refit.refit.objective, optimum, 1e-9 * optimum);
  const auto weights = View("opt64.final.W").values<float>();
  // Rounded to float32, and as WeightsOfEveryValueAreTheExactOptimum.
  EXPECT_LE(Distance(refit.classifier, weights, View("opt64.final.b").values<float>()),
            2e-4 * Largest(weights) + 1e-6);
  ExpectRefitOfTheAuthors(refit, "top1");
}

TEST_F(GoldenLinearTest, ClassAverageRunIsTheAuthors) {
  settings_.metric = ProbeMetric::kClassAverage;
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome outcome, RunProbe(data_, settings_));
  ExpectAccuraciesOfTheAuthors(outcome, "classavg", RowOfSmallestClass("y_val"));
  settings_.grid = {Scalar("classavg.best_w")};
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome refit, RunProbe(data_, settings_));
  ExpectRefitOfTheAuthors(refit, "classavg");
}

TEST_F(GoldenLinearTest, WarmAndIndependentFitsAgree) {
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome warm, RunProbe(data_, settings_));
  settings_.warm_start = false;
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome independent, RunProbe(data_, settings_));
  const double row = RowOf(learn_.rows() - data_.train_rows);
  for (size_t i = 0; i < warm.grid.size(); ++i) {
    // Each is within the tolerance of 1e-7 by an estimate that may be off by a factor of a thousand
    // where the classes can be separated (softmax_regression.h).
    EXPECT_NEAR(warm.grid[i].fit.objective / independent.grid[i].fit.objective, 1, 1e-4);
    EXPECT_NEAR(warm.grid[i].val_accuracy, independent.grid[i].val_accuracy, row);
  }
  EXPECT_NEAR(warm.grid[warm.best].val_accuracy, independent.grid[independent.best].val_accuracy,
              row);
  EXPECT_NEAR(warm.grid[independent.best].val_accuracy,
              independent.grid[independent.best].val_accuracy, row);
}

TEST_F(GoldenLinearTest, LbfgsArrivesAtTheSameOptima) {
  settings_.solver = ProbeSolver::kLbfgs;
  settings_.tolerance = 1e-6;
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome outcome, RunProbe(data_, settings_));
  const double one_row = RowOf(learn_.rows() - data_.train_rows);
  for (size_t i = 0; i < outcome.grid.size(); ++i) {
    const double optimum = View("opt64.objective").values<double>()[i];
    EXPECT_NEAR(outcome.grid[i].fit.objective, optimum, 2e-6 * optimum) << settings_.grid[i];
    EXPECT_NEAR(outcome.grid[i].val_accuracy, View("opt64.val_acc").values<double>()[i], one_row);
    EXPECT_TRUE(outcome.grid[i].fit.converged) << settings_.grid[i];
    EXPECT_GE(outcome.grid[i].fit.evaluations, outcome.grid[i].fit.steps);
  }
  ExpectAccuraciesOfTheAuthors(outcome, "top1", one_row);
}

TEST_F(GoldenLinearTest, WithoutRefitTheValidationRowsOnlyChoose) {
  settings_.refit_on_validation = false;
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome chosen, RunProbe(data_, settings_));
  // Other labels of the validation rows change the choice at most, never what is learnt for a w.
  settings_.grid = {chosen.grid[chosen.best].w};
  std::fill(data_.learn_labels.begin() + data_.train_rows, data_.learn_labels.end(), 0);
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome blind, RunProbe(data_, settings_));
  const double largest = Largest(View("opt64.final.W").values<float>());
  for (int64_t i = 0; i < chosen.classifier.size(); ++i) {
    EXPECT_NEAR(blind.classifier.data()[i], chosen.classifier.data()[i], 2e-5 * largest);
  }
}

TEST_F(GoldenLinearTest, StopsWhenAsked) {
  settings_.go_on = [](int done) { return done < 3; };
  EXPECT_THAT(RunProbe(data_, settings_),
              StatusIs(absl::StatusCode::kCancelled, ::testing::HasSubstr("interrupted")));
}

TEST(GoldenMetricsTest, AccuraciesAreTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("eval_metrics.safetensors"));
  ASSERT_OK_AND_ASSIGN(const TensorView logits, file.Get("acc.logits"));
  ASSERT_OK_AND_ASSIGN(const TensorView y, file.Get("acc.y"));
  const int64_t rows = logits.shape[0];
  const int classes = logits.shape[1];
  PaddedMatrix<float> x(rows, classes);
  PaddedMatrix<double> identity(classes, classes);
  for (int64_t i = 0; i < rows; ++i) {
    std::copy_n(logits.values<float>().data() + i * classes, classes, x.row(i));
  }
  for (int c = 0; c < classes; ++c) identity(c, c) = 1;
  const ClassCounts counts =
      CountRight(Predict(x, 0, rows, identity, 2),
                 {y.values<int64_t>().begin(), y.values<int64_t>().end()}, classes);
  EXPECT_NEAR(counts.Top1(), file.Get("acc.top1")->values<double>()[0], 1e-6);
  EXPECT_NEAR(counts.ClassAverage(), file.Get("acc.classavg")->values<double>()[0], 1e-6);
}

TEST(ClassCountsTest, AbsentClassesDoNotCount) {
  const ClassCounts counts = CountRight({0, 0, 2, 2}, {0, 0, 0, 2}, 4);
  EXPECT_DOUBLE_EQ(counts.Top1(), 0.75);
  EXPECT_DOUBLE_EQ(counts.ClassAverage(), (2.0 / 3 + 1) / 2);
  EXPECT_EQ(ClassCounts().Top1(), 0);
}

// The first of equally good values wins, as in the authors' loop.
TEST(RunProbeTest, TiesGoToTheSmallestRegulariser) {
  PaddedMatrix<float> learn(8, 2);
  std::vector<int> labels;
  for (int i = 0; i < 8; ++i) {
    labels.push_back(i % 2);
    learn(i, 0) = i % 2 ? 1 : -1;
    learn(i, 1) = 1;
  }
  ProbeData data{&learn, 4, labels, &learn, labels, 2};
  ProbeSettings settings;
  settings.grid = {0.01, 0.1, 1};
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome outcome, RunProbe(data, settings));
  EXPECT_EQ(outcome.best, 0);
  EXPECT_EQ(outcome.grid[2].val_accuracy, 1);
  EXPECT_EQ(outcome.test.Top1(), 1);
}

}  // namespace
}  // namespace cassle
