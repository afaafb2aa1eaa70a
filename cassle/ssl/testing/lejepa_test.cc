// What LeJEPA makes of its views and its steps. Linked into method_test.
#include <ATen/TensorOperators.h>

#include <cmath>
#include <memory>
#include <vector>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/objectives/sigreg_objectives.h"
#include "cassle/ssl/testing/tiny_backbone.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

constexpr int kSlices = 12;
constexpr double kWeight = 0.3;

v1::MethodConfig TinyLejepa() {
  v1::MethodConfig config;
  v1::LejepaConfig* lejepa = config.mutable_lejepa();
  lejepa->set_sigreg_weight(kWeight);
  lejepa->set_num_slices(kSlices);
  lejepa->set_hidden_size(16);
  lejepa->set_projection_size(6);
  return config;
}

double LossOf(const MethodOutput& output) { return output.loss.item().toDouble(); }

// By hand, of the projections of two views.
double Expected(const MethodOutput& output, int64_t step, const SigregQuadrature& quadrature = {}) {
  const at::Tensor directions = SketchDirections(kSlices, 6, step);
  const at::Tensor sigreg = (SigregLoss(output.z1, directions, quadrature) +
                             SigregLoss(output.z2, directions, quadrature)) /
                            2;
  const at::Tensor prediction = ViewPredictionLoss({output.z1, output.z2}, 2);
  return (prediction * (1 - kWeight) + sigreg * kWeight).item().toDouble();
}

TEST(LejepaTest, LossIsThePredictionAndTheMeanOfSigregWithDirectionsOfTheStep) {
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(TinyLejepa(), TinySetup(kBatch, 0)));
  for (int64_t step = 0; step < 2; ++step) {
    const MethodOutput output = method->Forward(RandomBatch(1));
    EXPECT_NEAR(LossOf(output), Expected(output, step), 1e-5);
    // Parts of a batch share the directions of their step.
    EXPECT_EQ(LossOf(method->Forward(RandomBatch(1))), LossOf(output));
    method->AfterStep();
  }
}

TEST(LejepaTest, OfficialIsTheIntegralOfTheAuthorsCode) {
  MethodSetup setup = TinySetup(kBatch, 0);
  setup.official = true;
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(TinyLejepa(), setup));
  const MethodOutput output = method->Forward(RandomBatch(1));
  EXPECT_NEAR(LossOf(output), Expected(output, 0, {.t_max = 3, .knots = 17}), 1e-5);
  EXPECT_GT(std::abs(LossOf(output) - Expected(output, 0)), 1e-4);
}

TEST(LejepaTest, SmallCropsAreDrawnToTheMeanOfTheTwoLargeViews) {
  v1::MethodConfig config = TinyLejepa();
  config.mutable_lejepa()->set_sigreg_weight(0);
  MethodSetup setup = TinySetup(kBatch, 0);
  setup.num_views = 4;
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, setup));
  EXPECT_EQ(method->num_views(), 4);
  // The large views in the places of the small ones: their distances count twice.
  Batch batch = RandomBatch(1);
  batch.views = {batch.views[0], batch.views[1], batch.views[0], batch.views[1]};
  const MethodOutput output = method->Forward(batch);
  EXPECT_NEAR(LossOf(output), ViewPredictionLoss({output.z1, output.z2}, 2).item().toDouble(),
              1e-6);
  EXPECT_GT(LossOf(method->Forward(RandomBatch(1, 4))), 0);
  batch.views[3] = RandomBatch(2).views[1];
  EXPECT_GT(LossOf(method->Forward(batch)), LossOf(output));
}

}  // namespace
}  // namespace cassle
