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
    auto file = OpenGolden("eval_linear.safetensors");
    ASSERT_OK(file);
    file_ = std::make_unique<SafetensorsFile>(*std::move(file));
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
  SoftmaxRegression regression(
      &learn_, data_.train_rows,
      {data_.learn_labels.begin(), data_.learn_labels.begin() + data_.train_rows}, classes_, 1);
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

TEST_F(GoldenLinearTest, Top1RunIsTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome outcome, RunProbe(data_, settings_));
  const double one_row = 1.0001 / (learn_.rows() - data_.train_rows);
  for (size_t i = 0; i < outcome.grid.size(); ++i) {
    // One row may lie on the border of two classes.
    EXPECT_NEAR(outcome.grid[i].val_accuracy, View("opt64.val_acc").values<double>()[i], one_row);
    EXPECT_NEAR(outcome.grid[i].val_accuracy, View("top1.val_acc").values<double>()[i], one_row);
  }
  EXPECT_NEAR(outcome.grid[outcome.best].w / Scalar("top1.best_w"), 1, 1e-5);
  EXPECT_NEAR(outcome.test.Top1(), Scalar("top1.test_acc"), 1e-6);
  EXPECT_NEAR(outcome.test.Top1(), Scalar("opt64.final.test_acc"), 1e-6);
  EXPECT_NEAR(outcome.refit.objective, Scalar("opt64.final.objective"),
              1e-9 * outcome.refit.objective);
  const double largest = Largest(View("opt64.final.W").values<float>());
  EXPECT_LE(Distance(outcome.classifier, View("opt64.final.W").values<float>(),
                     View("opt64.final.b").values<float>()),
            2e-4 * largest);
  // Their float32 run stops where its gradient is about 1e-5.
  EXPECT_LE(Distance(outcome.classifier, View("top1.final.W").values<float>(),
                     View("top1.final.b").values<float>()),
            2e-3 * largest);
}

TEST_F(GoldenLinearTest, ClassAverageRunIsTheAuthors) {
  settings_.metric = ProbeMetric::kClassAverage;
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome outcome, RunProbe(data_, settings_));
  std::vector<int> rows_of_class(classes_);
  for (int64_t y : View("y_val").values<int64_t>()) ++rows_of_class[y];
  // Absent classes do not count.
  const int classes = classes_ - std::count(rows_of_class.begin(), rows_of_class.end(), 0);
  int smallest = learn_.rows();
  for (int rows : rows_of_class) smallest = rows > 0 ? std::min(smallest, rows) : smallest;
  for (size_t i = 0; i < outcome.grid.size(); ++i) {
    // One row of the smallest class may lie on the border of two.
    EXPECT_NEAR(outcome.grid[i].val_accuracy, View("classavg.val_acc").values<double>()[i],
                1.0001 / smallest / classes);
  }
  EXPECT_NEAR(outcome.grid[outcome.best].w / Scalar("classavg.best_w"), 1, 1e-5);
  EXPECT_NEAR(outcome.test.ClassAverage(), Scalar("classavg.test_acc"), 1e-6);
}

TEST_F(GoldenLinearTest, WarmAndIndependentFitsAgree) {
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome warm, RunProbe(data_, settings_));
  settings_.warm_start = false;
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome independent, RunProbe(data_, settings_));
  for (size_t i = 0; i < warm.grid.size(); ++i) {
    // Each is within the tolerance of 1e-7, an estimate that is right to a factor of ten; of thirty
    // where a class has few rows (softmax_regression.h).
    EXPECT_NEAR(warm.grid[i].fit.objective / independent.grid[i].fit.objective, 1, 3e-6);
    EXPECT_EQ(warm.grid[i].val_accuracy, independent.grid[i].val_accuracy);
  }
  EXPECT_EQ(warm.best, independent.best);
  EXPECT_EQ(warm.test_predictions, independent.test_predictions);
}

TEST_F(GoldenLinearTest, LbfgsArrivesAtTheSameOptima) {
  settings_.solver = ProbeSolver::kLbfgs;
  settings_.tolerance = 1e-6;
  ASSERT_OK_AND_ASSIGN(const ProbeOutcome outcome, RunProbe(data_, settings_));
  const double one_row = 1.0001 / (learn_.rows() - data_.train_rows);
  for (size_t i = 0; i < outcome.grid.size(); ++i) {
    const double optimum = View("opt64.objective").values<double>()[i];
    EXPECT_NEAR(outcome.grid[i].fit.objective, optimum, 2e-6 * optimum) << settings_.grid[i];
    EXPECT_NEAR(outcome.grid[i].val_accuracy, View("opt64.val_acc").values<double>()[i], one_row);
    EXPECT_TRUE(outcome.grid[i].fit.converged) << settings_.grid[i];
    EXPECT_GE(outcome.grid[i].fit.evaluations, outcome.grid[i].fit.steps);
  }
  EXPECT_NEAR(outcome.grid[outcome.best].w / Scalar("top1.best_w"), 1, 1e-5);
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
