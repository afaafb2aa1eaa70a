#include "cassle/ssl/objectives/sie_objectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <tuple>
#include <vector>

#include "cassle/ssl/objectives/objectives_testutil.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using Rows = std::vector<std::vector<double>>;

Rows RowsOf(const at::Tensor& matrix) {
  Rows rows(matrix.size(0), std::vector<double>(matrix.size(1)));
  for (size_t i = 0; i < rows.size(); ++i) {
    for (size_t j = 0; j < rows[i].size(); ++j) {
      rows[i][j] = Value(matrix[static_cast<int64_t>(i)][static_cast<int64_t>(j)]);
    }
  }
  return rows;
}

double Covariance(const Rows& z, size_t a, size_t b) {
  double mean_a = 0, mean_b = 0, sum = 0;
  for (const auto& row : z) {
    mean_a += row[a] / static_cast<double>(z.size());
    mean_b += row[b] / static_cast<double>(z.size());
  }
  for (const auto& row : z) sum += (row[a] - mean_a) * (row[b] - mean_b);
  return sum / static_cast<double>(z.size() - 1);
}

double Hinge(const Rows& z) {
  double sum = 0;
  for (size_t j = 0; j < z[0].size(); ++j) {
    sum += std::max(0.0, 1 - std::sqrt(Covariance(z, j, j) + 1e-4));
  }
  return sum / static_cast<double>(z[0].size());
}

double OffDiagonal(const Rows& z) {
  double sum = 0;
  for (size_t a = 0; a < z[0].size(); ++a) {
    for (size_t b = 0; b < z[0].size(); ++b) sum += a == b ? 0 : std::pow(Covariance(z, a, b), 2);
  }
  return sum / static_cast<double>(z[0].size());
}

// The authors' SIE.forward (models.py) in loops: coefficients 10, 0.45 times 10, 10 and 1.
double InLoops(const Rows& z1, const Rows& z2, const Rows& p) {
  const size_t batch = z1.size(), size = z1[0].size(), equivariant = p[0].size();
  const size_t invariant = size - equivariant;
  double distance = 0, error = 0;
  for (size_t i = 0; i < batch; ++i) {
    for (size_t j = 0; j < invariant; ++j) distance += std::pow(z1[i][j] - z2[i][j], 2);
    for (size_t j = 0; j < equivariant; ++j) error += std::pow(p[i][j] - z2[i][invariant + j], 2);
  }
  distance /= static_cast<double>(batch * invariant);
  error /= static_cast<double>(batch * equivariant);
  const double std_loss = Hinge(z1) / 2 + Hinge(z2) / 2, pred_std_loss = Hinge(p) / 2;
  return 10 * distance + 0.45 * 10 * error + 10 * (std_loss + pred_std_loss) +
         (OffDiagonal(z1) + OffDiagonal(z2));
}

TEST(SieLossTest, EqualsTheAuthorsTermsInLoops) {
  for (const auto& [rows, columns, equivariant] : {std::tuple{6, 5, 2}, {3, 7, 4}}) {
    const at::Tensor z1 = RandomMatrix(rows, columns, 1) * 0.7;
    const at::Tensor z2 = RandomMatrix(rows, columns, 2) * 0.7;
    const at::Tensor p = RandomMatrix(rows, equivariant, 3) * 0.7;
    EXPECT_NEAR(Value(SieLoss(z1, z2, p, {})), InLoops(RowsOf(z1), RowsOf(z2), RowsOf(p)), 1e-11);
  }
}

TEST(SieLossTest, TheInvariantPartIsComparedAndTheOtherPredicted) {
  const at::Tensor a = RandomMatrix(5, 3, 4), b1 = RandomMatrix(5, 2, 5),
                   b2 = RandomMatrix(5, 2, 6);
  const SieWeights distances = {1, 1, 0, 0};
  // The equivariant parts may differ as long as one is predicted.
  EXPECT_EQ(Value(SieLoss(at::cat({a, b1}, 1), at::cat({a, b2}, 1), b2, distances)), 0);
  EXPECT_GT(Value(SieLoss(at::cat({a, b1}, 1), at::cat({a, b2}, 1), b1, distances)), 0);
  EXPECT_GT(Value(SieLoss(at::cat({a * 2, b2}, 1), at::cat({a, b2}, 1), b2, distances)), 0);
}

TEST(SieLossTest, IsTheHingesAloneWhenAllRowsCoincide) {
  const at::Tensor z = at::ones({8, 5}, at::kDouble);
  EXPECT_NEAR(Value(SieLoss(z, z, z.narrow(1, 0, 2), {})), 1.5 * 0.99 * 10, 1e-12);
}

TEST(SieLossTest, GradientEqualsFiniteDifferences) {
  // Standard deviations around 0.6: the hinges are active.
  const at::Tensor z1 = RandomMatrix(6, 4, 7) * 0.6, z2 = RandomMatrix(6, 4, 8) * 0.6;
  const at::Tensor p = RandomMatrix(6, 2, 9) * 0.6;
  for (const at::Tensor& tensor : {z1, z2, p}) {
    ExpectGradientIsRight(tensor, [&] { return SieLoss(z1, z2, p, {2, 3, 1.5, 0.5}); });
  }
}

TEST(SieLossTest, RefusesShapesThatDisagree) {
  const at::Tensor z = at::ones({4, 3});
  EXPECT_THROW(SieLoss(z, at::ones({5, 3}), at::ones({4, 1}), {}), c10::Error);
  EXPECT_THROW(SieLoss(z, z, at::ones({5, 1}), {}), c10::Error);
  EXPECT_THROW(SieLoss(z, z, at::ones({4, 3}), {}), c10::Error);
  EXPECT_THROW(SieLoss(at::ones({1, 3}), at::ones({1, 3}), at::ones({1, 1}), {}), c10::Error);
}

}  // namespace
}  // namespace cassle
