#include "cassle/ssl/method/equimod.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <vector>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/networks/mlp.h"
#include "cassle/models/testing/golden_tensor.h"
#include "cassle/ssl/method/relative_columns.h"
#include "cassle/ssl/objectives/objectives.h"
#include "cassle/ssl/objectives/objectives_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

constexpr int64_t kFeatures = 5;
constexpr int64_t kParameters = 3;

MethodSetup SetupOf(double weight) {
  MethodSetup setup;
  setup.equimod.set_weight(weight);
  setup.equimod.set_temperature(0.2);
  setup.equimod.set_projection_size(4);
  setup.equimod.set_hidden_size(6);
  setup.equimod.set_parameter_size(3);
  return setup;
}

// In double precision.
EquiMod MakeEquiMod(double weight, std::vector<Mlp*>* networks = nullptr) {
  absl::StatusOr<EquiMod> equimod = EquiMod::Create(SetupOf(weight), kFeatures, kParameters);
  EXPECT_OK(equimod);
  std::vector<Method::Network> all;
  equimod->AppendTo(&all);
  for (const Method::Network& network : all) {
    for (const NamedTensor& entry : network.module->state()) {
      at::Tensor tensor = entry.tensor;
      if (tensor.is_floating_point()) tensor.set_data(tensor.to(at::kDouble));
    }
    if (networks != nullptr) networks->push_back(dynamic_cast<Mlp*>(network.module));
  }
  return *std::move(equimod);
}

struct Inputs {
  at::Tensor features1 = RandomMatrix(6, kFeatures, 1), features2 = RandomMatrix(6, kFeatures, 2);
  at::Tensor relative1 = RandomMatrix(6, kParameters, 3), relative2 = -relative1;

  at::Tensor Loss(EquiMod* equimod) const {
    return equimod->Loss(features1, features2, relative1, relative2);
  }
};

TEST(EquiModTest, LossPairsEveryEmbeddingWithItsPredictionFromTheOtherView) {
  std::vector<Mlp*> networks;
  EquiMod equimod = MakeEquiMod(0.5, &networks);
  const Inputs x;
  const at::Tensor y = networks[0]->forward(at::cat({x.features1, x.features2}));
  const at::Tensor t = networks[1]->forward(at::cat({x.relative1, x.relative2}));
  at::Tensor p = at::zeros({12, 7}, at::kDouble);
  for (int64_t i = 0; i < 12; ++i) p[i] = at::cat({y[(i + 6) % 12], t[i]});
  p = networks[2]->forward(p);
  // The authors' loss.py written out: cosines of all 24 rows, the pair is 12 rows away.
  const at::Tensor rows = at::cat({y, p});
  double sum = 0;
  for (int64_t i = 0; i < 24; ++i) {
    double others = 0, pair = 0;
    for (int64_t j = 0; j < 24; ++j) {
      if (i == j) continue;
      const double similarity =
          std::exp(Value(rows[i].dot(rows[j]) / (rows[i].norm() * rows[j].norm())) / 0.2);
      others += similarity;
      if (j == (i + 12) % 24) pair = similarity;
    }
    sum -= std::log(pair / others);
  }
  EXPECT_NEAR(Value(x.Loss(&equimod)), 0.5 * sum / 24, 1e-9);
}

TEST(EquiModTest, ItMattersNotWhichViewIsCalledTheFirst) {
  EquiMod equimod = MakeEquiMod(1);
  const Inputs x;
  EXPECT_NEAR(Value(equimod.Loss(x.features2, x.features1, x.relative2, x.relative1)),
              Value(x.Loss(&equimod)), 1e-12);
}

TEST(EquiModTest, GradientEqualsFiniteDifferences) {
  EquiMod equimod = MakeEquiMod(2);
  const Inputs x;
  for (const at::Tensor& tensor : {x.features1, x.features2, x.relative1}) {
    // Five batch norms over a few rows, and a temperature of 0.2, are steep.
    ExpectGradientIsRight(
        tensor, [&] { return x.Loss(&equimod); }, 1e-6);
  }
}

TEST(EquiModTest, RefusesToPredictFromNothing) {
  EXPECT_THAT(EquiMod::Create(SetupOf(1), kFeatures, 0),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("nothing to tell")));
  EquiMod equimod = MakeEquiMod(1);
  const Inputs x;
  EXPECT_THROW(equimod.Loss(x.features1, at::Tensor(), x.relative1, x.relative2), c10::Error);
}

TEST(RelativeColumnsTest, AreThoseOfTheGroupsThatAreNamed) {
  const std::vector<RelativeGroup> all = {{"blur", 1}, {"color", 2}, {"flip", 1}};
  const at::Tensor relative = RandomMatrix(2, 4, 1);
  ASSERT_OK_AND_ASSIGN(const auto some, RelativeColumns::Find(all, {"flip", "blur"}));
  EXPECT_EQ(some.size(), 2);
  EXPECT_EQ(LargestDifference(some.Of(relative),
                              at::cat({relative.narrow(1, 0, 1), relative.narrow(1, 3, 1)}, 1)),
            0);
  ASSERT_OK_AND_ASSIGN(const auto everything,
                       RelativeColumns::Find(all, {"blur", "color", "flip"}));
  EXPECT_TRUE(everything.Of(relative).is_same(relative));
  EXPECT_THROW(everything.Of(relative.narrow(1, 0, 3)), c10::Error);
  EXPECT_THROW(everything.Of(at::Tensor()), c10::Error);
  EXPECT_THAT(RelativeColumns::Find(all, {"crop"}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"crop\"")));
}

}  // namespace
}  // namespace cassle
