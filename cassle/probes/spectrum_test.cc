#include "cassle/probes/spectrum.h"

#include <cmath>
#include <string>

#include "cassle/base/philox.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

class GoldenSpectrumTest : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("eval_pca.safetensors"));
    file_ = std::make_unique<SafetensorsFile>(file);
    features_ = {Get("x").values<float>(), Get("x").shape[1]};
  }
  TensorView Get(const std::string& name) const {
    return file_->Get(GetParam() + "." + name).value();
  }
  double Scalar(const std::string& name) const { return Get(name).values<double>()[0]; }

  std::unique_ptr<SafetensorsFile> file_;
  FeatureRows features_;
};

TEST_P(GoldenSpectrumTest, ExplainedVarianceEqualsScikitLearns) {
  const std::vector<double> ratios = ComputeSpectrum(features_, 1).ExplainedVarianceRatios();
  const auto expected = Get("exp_var").values<float>();
  const auto cumulative = Get("cum_var").values<float>();
  ASSERT_EQ(ratios.size(), expected.size());
  // Theirs is a float32 decomposition, whose singular values err by a modest multiple of 2^-24 of
  // the largest one (8 in ours; here 32). Ratios are their squares.
  constexpr double kError = 32 * 0x1p-24;
  double sum = 0, sum_error = 0;
  for (size_t i = 0; i < ratios.size(); ++i) {
    const double error =
        2 * kError * std::sqrt(ratios[i] * ratios[0]) + kError * kError * ratios[0];
    EXPECT_NEAR(ratios[i], expected[i], error) << i;
    sum += ratios[i];
    // And an addition to a float32 below 1.
    sum_error += error + 0x1p-24;
    EXPECT_NEAR(sum, cumulative[i], sum_error) << i;
  }
}

// Of their ratios, so that the fit is judged by itself.
TEST_P(GoldenSpectrumTest, PowerLawAndItsFitsEqualTheAuthors) {
  const auto their_ratios = Get("exp_var").values<float>();
  const std::vector<double> ratios(their_ratios.begin(), their_ratios.end());
  const PowerLaw law = FitPowerLaw(ratios);
  // They take the logarithms in float32; the largest (the last) has the largest unit in the last
  // place. alpha is a weighted sum of logarithms, and the weights' absolute values sum up to 1.4
  // (2.3 if there are only 20 components); those of the line at k = 1, where it is known worst, to
  // 4.8 (6.4). The coefficients of determination depend on many more logarithms each.
  const double unit = std::ldexp(1, std::ilogb(std::log(ratios.back())) - 23);
  EXPECT_NEAR(law.alpha, Scalar("alpha"), 2.4 * unit);
  EXPECT_NEAR(law.r2, Scalar("r2"), 2.4 * unit);
  EXPECT_NEAR(law.r2_100, Scalar("r2_100"), 2.4 * unit);
  const auto expected = Get("ypred").values<double>();
  for (size_t i = 0; i < ratios.size(); ++i) {
    EXPECT_NEAR(law.At(i + 1), expected[i], 6.5 * unit * expected[i]) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, GoldenSpectrumTest,
                         ::testing::ValuesIn(GoldenCases("eval_pca.safetensors", ".x")));

// n rows, column j with standard deviation deviations[j] around `mean`, columns uncorrelated in
// law.
std::vector<float> Gaussian(int64_t n, const std::vector<double>& deviations, double mean) {
  Philox random(StreamKey{5});
  std::vector<float> values;
  for (int64_t i = 0; i < n; ++i) {
    for (double deviation : deviations) {
      values.push_back(static_cast<float>(mean + deviation * random.NextGaussian()));
    }
  }
  return values;
}

TEST(SpectrumTest, KnownVariancesAndSingularValues) {
  // Columns (a, -a, a, -a) and (b, b, -b, -b), moved by (3, 0).
  const std::vector<float> x = {5, 1, 1, 1, 5, -1, 1, -1};
  const Spectrum spectrum = ComputeSpectrum({x, 2}, 1);
  EXPECT_NEAR(spectrum.variances[0], 16.0 / 3, 1e-12);
  EXPECT_NEAR(spectrum.variances[1], 4.0 / 3, 1e-12);
  EXPECT_NEAR(spectrum.singular_values[0], std::sqrt(16 + 4 * 9.0), 1e-12);
  EXPECT_NEAR(spectrum.singular_values[1], 2, 1e-12);
  EXPECT_EQ(ComponentsFor(0.8, {0.8, 0.2}), 1);
  EXPECT_EQ(ComponentsFor(0.81, {0.8, 0.2}), 2);
}

TEST(SpectrumTest, ThreadsChangeNothing) {
  const std::vector<float> x = Gaussian(70, std::vector<double>(53, 1.0), 0.5);
  const Spectrum one = ComputeSpectrum({x, 53}, 1), three = ComputeSpectrum({x, 53}, 3);
  EXPECT_EQ(one.variances, three.variances);
  EXPECT_EQ(one.singular_values, three.singular_values);
}

TEST(SpectrumTest, ALargeMeanDoesNotHideTheVariance) {
  const std::vector<float> x = Gaussian(500, {2, 1}, 0), far = Gaussian(500, {2, 1}, 4096);
  const Spectrum near = ComputeSpectrum({x, 2}, 1), moved = ComputeSpectrum({far, 2}, 1);
  // Features at 4096 have a resolution of 2^-11.
  EXPECT_NEAR(moved.variances[0], near.variances[0], 1e-3);
  EXPECT_NEAR(moved.variances[1], near.variances[1], 1e-3);
}

TEST(SpectrumTest, FewerRowsThanColumnsGiveAsManyComponentsAsRows) {
  const std::vector<float> x = Gaussian(10, std::vector<double>(30, 1.0), 0);
  const Spectrum spectrum = ComputeSpectrum({x, 30}, 1);
  EXPECT_EQ(spectrum.variances.size(), 10);
  // The mean takes one.
  EXPECT_EQ(spectrum.NumPositive(), 9);
}

TEST(RankMeTest, IsTheNumberOfEqualSingularValues) {
  EXPECT_NEAR(RankMe({3, 3, 3, 3, 0, 1e-9}), 4, 1e-12);
  EXPECT_NEAR(RankMe({7}), 1, 1e-12);
  EXPECT_EQ(RankMe({0, 0}), 0);
  // Far above rounding: it counts, with about a thousandth.
  EXPECT_NEAR(RankMe({1, 1e-4}), 1 + 1e-4 * (1 + std::log(1e4)), 1e-6);
  // Entropy of (3/4, 1/4).
  EXPECT_NEAR(RankMe({3, 1}), 4 / std::pow(3, 0.75), 1e-12);
}

TEST(PowerLawTest, FindsAnExactPowerLaw) {
  for (int64_t count : {20, 64, 600}) {
    std::vector<double> ratios;
    for (int64_t k = 1; k <= count; ++k) ratios.push_back(0.3 * std::pow(k, -1.25));
    const PowerLaw law = FitPowerLaw(ratios);
    EXPECT_NEAR(law.alpha, 1.25, 1e-12);
    EXPECT_NEAR(law.scale, 0.3, 1e-12);
    EXPECT_NEAR(law.r2, 1, 1e-12);
    EXPECT_NEAR(law.r2_100, 1, 1e-12);
  }
}

}  // namespace
}  // namespace cassle
