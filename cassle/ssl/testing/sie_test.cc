// What SIE makes of features, projections and relative parameters. Linked into method_test.
#include <ATen/TensorOperators.h>
#include <ATen/ops/zeros.h>

#include <memory>
#include <string>
#include <vector>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/networks/mlp.h"
#include "cassle/models/testing/golden_tensor.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/objectives/sie_objectives.h"
#include "cassle/ssl/testing/tiny_backbone.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

v1::MethodConfig TinySie(const std::vector<std::string>& groups = {}) {
  v1::MethodConfig config;
  v1::SieConfig* sie = config.mutable_sie();
  sie->set_hidden_size(16);
  sie->set_projection_size(8);
  *sie->mutable_groups() = {groups.begin(), groups.end()};
  return config;
}

std::unique_ptr<Method> Make(const v1::MethodConfig& config) {
  absl::StatusOr<std::unique_ptr<Method>> method = MakeMethod(config, TinySetup(kBatch, 0));
  EXPECT_OK(method);
  return *std::move(method);
}

Mlp& EquivariantProjector(const Method& method) {
  return dynamic_cast<Mlp&>(*method.networks()[2].module);
}

// [Q, T Q]
at::Tensor Matrices(const Method& method) { return method.networks()[3].module->parameters()[0]; }

double LossOf(const MethodOutput& output) { return output.loss.item().toDouble(); }

// sum_t g_t W_t z, entry by entry.
at::Tensor PredictByHand(const at::Tensor& matrices, const std::vector<at::Tensor>& g,
                         const at::Tensor& z) {
  const int64_t size = z.size(1);
  at::Tensor predictions = at::zeros(z.sizes());
  for (int64_t row = 0; row < z.size(0); ++row) {
    for (int64_t i = 0; i < size; ++i) {
      double sum = 0;
      for (size_t t = 0; t < g.size(); ++t) {
        for (int64_t j = 0; j < size; ++j) {
          sum += g[t][row].item().toDouble() *
                 matrices[i][static_cast<int64_t>(t) * size + j].item().toDouble() *
                 z[row][j].item().toDouble();
        }
      }
      predictions[row][i] = sum;
    }
  }
  return predictions;
}

TEST(SieTest, View2IsPredictedFromView1ByASumOfMatricesThatTheDifferenceWeighs) {
  const auto method = Make(TinySie({"crop"}));
  const Batch batch = RandomBatch(1);
  const MethodOutput output = method->Forward(batch);
  ASSERT_EQ(Matrices(*method).sizes(), (std::vector<int64_t>{4, 5 * 4}));
  std::vector<at::Tensor> g = {at::zeros({kBatch}) + 1};
  for (int64_t column = 5; column < 9; ++column) {
    g.push_back(batch.views[1].relative.select(1, column));
  }
  const at::Tensor predictions = PredictByHand(Matrices(*method), g, output.z1.narrow(1, 4, 4));
  EXPECT_NEAR(LossOf(output), SieLoss(output.z1, output.z2, predictions, {}).item().toDouble(),
              1e-4);
}

TEST(SieTest, ViewsWithoutADifferenceArePredictedByOneMatrixThatIsNotZero) {
  const auto method = Make(TinySie());
  Batch batch = RandomBatch(1);
  batch.views[1].relative = at::zeros({kBatch, kRelative});
  const MethodOutput output = method->Forward(batch);
  const at::Tensor predictions =
      PredictByHand(Matrices(*method), {at::zeros({kBatch}) + 1}, output.z1.narrow(1, 4, 4));
  EXPECT_GT(predictions.abs().max().item().toDouble(), 0.01);
  EXPECT_NEAR(LossOf(output), SieLoss(output.z1, output.z2, predictions, {}).item().toDouble(),
              1e-4);
}

TEST(SieTest, ReadsTheGroupsThatAreNamedOfView2Alone) {
  const double loss = LossOf(Make(TinySie({"crop"}))->Forward(RandomBatch(1)));
  const auto changed = [](int view, int64_t column) {
    Batch batch = RandomBatch(1);
    batch.views[view].relative.select(1, column).add_(1);
    return LossOf(Make(TinySie({"crop"}))->Forward(batch));
  };
  EXPECT_EQ(changed(0, 5), loss);
  EXPECT_EQ(changed(1, 4), loss);  // color
  EXPECT_NE(changed(1, 5), loss);
}

TEST(SieTest, TheFirstFeaturesAreProjectedForInvarianceAndTheLastForEquivariance) {
  v1::MethodConfig config = TinySie();
  config.mutable_sie()->set_equivariant_fraction(0.25);
  const auto method = Make(config);
  const MethodOutput output = method->Forward(RandomBatch(1));
  ASSERT_EQ(output.features1.size(1), 12);
  const at::Tensor invariant =
      method->projector().forward(output.features1.narrow(1, 0, 9), at::Tensor());
  const at::Tensor equivariant =
      EquivariantProjector(*method).forward(output.features1.narrow(1, 9, 3));
  EXPECT_EQ(invariant.size(1), 6);
  EXPECT_EQ(equivariant.size(1), 2);
  EXPECT_LT(LargestDifference(output.z1.narrow(1, 0, 6), invariant), 1e-6);
  EXPECT_LT(LargestDifference(output.z1.narrow(1, 6, 2), equivariant), 1e-6);
}

TEST(SieTest, RefusesAPartWithoutColumnsAndNothingToTell) {
  v1::MethodConfig config = TinySie();
  config.mutable_sie()->set_equivariant_fraction(0.01);
  EXPECT_THAT(MakeMethod(config, TinySetup(kBatch, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--method.sie.equivariant_fraction=0.01 gives"),
                             HasSubstr("0 of 12 features"))));
  config = TinySie();
  config.mutable_sie()->set_projection_size(3);
  config.mutable_sie()->set_equivariant_fraction(0.9);
  EXPECT_THAT(MakeMethod(config, TinySetup(kBatch, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("3 of 3 columns of --method.sie.projection_size")));
  MethodSetup setup = TinySetup(kBatch, 0);
  setup.relative_groups.clear();
  EXPECT_THAT(MakeMethod(TinySie(), setup),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nothing to tell")));
  EXPECT_THAT(MakeMethod(TinySie({"grayscale"}), TinySetup(kBatch, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"grayscale\"")));
}

TEST(MutableRelativeGroupsTest, AreThoseOfMethodsThatCompareTwoViews) {
  v1::MethodConfig config = TinySie({"crop"});
  ASSERT_NE(MutableRelativeGroups(&config), nullptr);
  EXPECT_EQ(MutableRelativeGroups(&config), config.mutable_sie()->mutable_groups());
  config.mutable_simclr();
  EXPECT_EQ(MutableRelativeGroups(&config), nullptr);
  config.Clear();
  EXPECT_EQ(MutableRelativeGroups(&config), nullptr);
}

}  // namespace
}  // namespace cassle
