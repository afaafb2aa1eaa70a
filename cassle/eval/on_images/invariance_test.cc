#include "cassle/eval/on_images/invariance.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/eye.h>
#include <ATen/ops/ones.h>
#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <cmath>

#include "absl/strings/str_cat.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/testing/golden_tensor.h"

namespace cassle {
namespace {

TEST(InvarianceTest, EqualsTheAuthorsNumbers) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("eval_invariance.safetensors"));
  int cases = 0;
  for (; golden.Has(absl::StrCat("c", cases, ".fn")); ++cases) {
    const auto tensor = [&](const char* name) {
      return GoldenTensor(golden, absl::StrCat("c", cases, ".", name));
    };
    const InvarianceMeasures ours = MeasureInvariance(tensor("fn"), tensor("ft"));
    // Theirs are float32.
    const auto expect = [&](const char* name, double value) {
      const double theirs = tensor(name).item().toDouble();
      EXPECT_NEAR(value, theirs, 1e-5 * std::max(1.0, std::abs(theirs))) << name << cases;
    };
    expect("positive", ours.matched);
    expect("negative", ours.unmatched);
    expect("diff", ours.difference);
    expect("infonce", ours.info_nce);
    expect("self_distill", ours.self_distillation);
    expect("cca", ours.cross_correlation);
  }
  EXPECT_GT(cases, 0);
}

TEST(InvarianceTest, OfOrthogonalFeaturesThatDoNotChange) {
  const InvarianceMeasures measures = MeasureInvariance(at::eye(4) * 3, at::eye(4));
  EXPECT_NEAR(measures.matched, 1, 1e-12);
  EXPECT_NEAR(measures.unmatched, 0, 1e-12);
  EXPECT_NEAR(measures.difference, 1, 1e-12);
  EXPECT_NEAR(measures.self_distillation, -1, 1e-12);
  // One cosine is 1, three are 0.
  EXPECT_NEAR(measures.info_nce, 0.4 * (std::log(std::exp(5.0) + 3) - 5), 1e-12);
  // c is the unit matrix times 3/4.
  EXPECT_NEAR(measures.cross_correlation, 4 * 0.0625, 1e-12);
}

TEST(InvarianceTest, OfFeaturesThatAreAllAlikeInfoNceIsThatOfGuessing) {
  const InvarianceMeasures measures = MeasureInvariance(at::ones({8, 5, 2}), at::ones({8, 5, 2}));
  EXPECT_NEAR(measures.difference, 0, 1e-12);
  EXPECT_NEAR(measures.info_nce, 0.4 * std::log(8.0), 1e-12);
  // c_kl = 1 everywhere: 10 on the diagonal, 90 beside it.
  EXPECT_NEAR(measures.cross_correlation, 0.0051 * 90, 1e-9);
}

TEST(InvarianceTest, ManyColumnsAreWhatFewAreRepeated) {
  const at::Tensor f = at::eye(3) + at::ones({3, 3});
  const at::Tensor g = at::eye(3) * 2 + at::ones({3, 3});
  const InvarianceMeasures few = MeasureInvariance(f, g);
  // More than one block of columns.
  const InvarianceMeasures many = MeasureInvariance(f.repeat({1, 20000}), g.repeat({1, 20000}));
  EXPECT_NEAR(many.matched, few.matched, 1e-9);
  EXPECT_NEAR(many.info_nce, few.info_nce, 1e-9);
}

TEST(InvarianceTest, RefusesOneImageAndOtherShapes) {
  EXPECT_THROW(MeasureInvariance(at::ones({1, 4}), at::ones({1, 4})), c10::Error);
  EXPECT_THROW(MeasureInvariance(at::ones({2, 4}), at::ones({2, 3})), c10::Error);
}

}  // namespace
}  // namespace cassle
