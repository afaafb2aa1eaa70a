#include "cassle/probes/ridge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <eigen3/Eigen/Dense>
#include <vector>

#include "cassle/base/philox.h"
#include "cassle/base/testing/status_matchers.h"

namespace cassle {
namespace {

using Eigen::MatrixXd;
using RowMajor = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

MatrixXd Random(int64_t rows, int64_t columns, uint64_t stream) {
  MatrixXd values(rows, columns);
  Philox random(StreamKey{1, RandomDomain::kTest, stream, 0, 0});
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) values(i, j) = random.NextGaussian();
  }
  return values;
}

// What RidgeRegression reads, and the same numbers, which are floats, for the expected results.
struct Values {
  explicit Values(const MatrixXd& from)
      : floats(from.cast<float>()), exact(floats.cast<double>()) {}
  FeatureRows rows() const {
    return {{floats.data(), static_cast<size_t>(floats.size())}, floats.cols()};
  }
  const RowMajor floats;
  const MatrixXd exact;
};

double LargestDifference(const std::vector<double>& predictions, const MatrixXd& expected) {
  double largest = 0;
  for (size_t i = 0; i < predictions.size(); ++i) {
    const double wanted = expected(i / expected.cols(), i % expected.cols());
    largest = std::max(largest, std::abs(predictions[i] - wanted));
  }
  return largest;
}

TEST(RidgeTest, ReadsALinearMapWithOffsetFromFeaturesOfAnyScale) {
  // More rows than are looked at together.
  const Values x(((Random(600, 7, 1) * 30).array() + 5).matrix());
  const Values y(((x.exact * Random(7, 3, 2)).array() + 11).matrix());
  RidgeRegression regression(x.rows(), y.rows());
  ASSERT_OK(regression.Fit(1e-10));
  const std::vector<double> predictions = regression.Predict(x.rows());
  ASSERT_EQ(predictions.size(), 600 * 3);
  // The targets are rounded to float, and are about 100.
  EXPECT_LT(LargestDifference(predictions, y.exact), 5e-5);
  for (double r2 : CoefficientsOfDetermination(predictions, y.rows())) EXPECT_NEAR(r2, 1, 1e-9);
}

TEST(RidgeTest, EqualsTheNormalEquations) {
  const Values x(Random(50, 20, 3)), y(Random(50, 2, 4));
  RidgeRegression regression(x.rows(), y.rows());
  ASSERT_OK(regression.Fit(0.3));
  const MatrixXd centred = x.exact.rowwise() - x.exact.colwise().mean();
  const Eigen::RowVectorXd deviations = (centred.colwise().squaredNorm() / 50).cwiseSqrt();
  const MatrixXd z = centred.array().rowwise() / deviations.array();
  const Eigen::RowVectorXd mean = y.exact.colwise().mean();
  const MatrixXd system = z.transpose() * z / 50 + 0.3 * MatrixXd::Identity(20, 20);
  const MatrixXd weights = system.ldlt().solve(z.transpose() * (y.exact.rowwise() - mean) / 50);
  const MatrixXd expected = (z * weights).rowwise() + mean;
  EXPECT_LT(LargestDifference(regression.Predict(x.rows()), expected), 1e-10);
}

TEST(RidgeTest, AnInfiniteRegulariserPredictsTheMeanAndAConstantColumnCountsNothing) {
  MatrixXd with_constant(50, 5);
  with_constant << Random(50, 4, 5), MatrixXd::Constant(50, 1, 7);
  const Values x(with_constant), y(Random(50, 1, 6)), constant(MatrixXd::Ones(50, 1));
  RidgeRegression regression(x.rows(), y.rows());
  ASSERT_OK(regression.Fit(1e12));
  const std::vector<double> predictions = regression.Predict(x.rows());
  EXPECT_LT(LargestDifference(predictions, MatrixXd::Constant(50, 1, y.exact.mean())), 1e-9);
  EXPECT_NEAR(CoefficientsOfDetermination(predictions, y.rows())[0], 0, 1e-9);
  EXPECT_TRUE(std::isnan(CoefficientsOfDetermination(predictions, constant.rows())[0]));
}

}  // namespace
}  // namespace cassle
