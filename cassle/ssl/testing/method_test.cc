// The contract that every registered method keeps.
#include "cassle/ssl/method/method.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/philox.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/testing/golden_tensor.h"
#include "cassle/runtime/precision.h"
#include "cassle/ssl/testing/method_variants.h"
#include "cassle/ssl/testing/tiny_backbone.h"
#include "cassle/ssl/training/checkpoint.h"
#include "cassle/ssl/training/collapse.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

class MethodContractTest : public ::testing::TestWithParam<Variant> {
 protected:
  std::unique_ptr<Method> Make(uint64_t seed, Precision precision = Precision::kFloat32) const {
    return MakeVariant(GetParam(), seed, precision);
  }

  static Batch MakeBatch(uint64_t seed) { return RandomBatch(seed, GetParam().views()); }

  // Steps first .. first+count-1 of 10.
  void Train(int first, int count, Method* method, Optimizer* optimizer) const {
    const double rate = StepsByAdam(GetParam()) ? 1e-3 : 0.1;
    for (int step = first; step < first + count; ++step) {
      method->set_progress((step - 1) / 10.0);
      optimizer->ZeroGrad();
      method->Forward(MakeBatch(step)).loss.backward();
      if (NeedsClipping(GetParam())) optimizer->ClipGradients(optimizer->GradientNorm(), 1);
      optimizer->Step(GroupRates(optimizer->groups(), rate, rate * (1 - step / 20.0)));
      method->AfterStep();
    }
  }

  static void ExpectSameState(const std::vector<NamedTensor>& a,
                              const std::vector<NamedTensor>& b) {
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i].name, b[i].name);
      EXPECT_TRUE(a[i].tensor.equal(b[i].tensor)) << a[i].name;
    }
  }
};

TEST_P(MethodContractTest, LossIsFiniteAndItsGradientReachesEveryTrainedParameter) {
  std::vector<Precision> precisions = {Precision::kFloat32};
  // Else LibTorch has no bfloat16 convolution but a plain loop, and stages refuse it.
  if (ProcessorBfloat16() != Bfloat16Support::kNone) precisions.push_back(Precision::kBfloat16);
  for (const Precision precision : precisions) {
    const std::unique_ptr<Method> method = Make(1, precision);
    const MethodOutput output = method->Forward(MakeBatch(1));
    EXPECT_TRUE(std::isfinite(output.loss.item().toDouble()));
    EXPECT_EQ(output.loss.scalar_type(), at::kFloat);
    EXPECT_EQ(output.z1.scalar_type(), at::kFloat);
    output.loss.backward();
    for (const NamedTensor& parameter : method->trained_parameters()) {
      ASSERT_TRUE(parameter.tensor.grad().defined()) << parameter.name;
      EXPECT_GT(parameter.tensor.grad().abs().max().item().toDouble(), 0) << parameter.name;
    }
  }
}

TEST_P(MethodContractTest, ItsBackboneAndProjectorAreThoseOfItsNetworks) {
  const std::unique_ptr<Method> method = Make(1);
  int found = 0;
  for (const Method::Network& network : method->networks()) {
    if (network.name == "backbone") found += network.module == &method->backbone();
    if (network.name == "projector") found += network.module == &method->projector();
  }
  EXPECT_EQ(found, 2);
}

TEST_P(MethodContractTest, SameSeedGivesTheSameBitsAndAnotherSeedDoesNot) {
  std::vector<std::unique_ptr<Method>> methods;
  for (uint64_t seed : {7, 7, 8}) {
    methods.push_back(Make(seed));
    Train(1, 3, methods.back().get(), OptimizerOf(GetParam(), *methods.back()).get());
  }
  ExpectSameState(methods[0]->state(), methods[1]->state());
  EXPECT_FALSE(methods[0]->state()[0].tensor.equal(methods[2]->state()[0].tensor));
}

TEST_P(MethodContractTest, SavedAndLoadedStateGoesOnBitForBit) {
  const std::string folder =
      absl::StrCat(::testing::TempDir(), "/", ::testing::PrintToString(GetParam()));
  ASSERT_OK(RemoveAll(folder));
  ASSERT_OK(MakeDirectories(folder));
  const auto everything = [](const Method& method, const Optimizer& optimizer) {
    std::vector<NamedTensor> all = method.state();
    for (const NamedTensor& buffer : optimizer.buffers()) {
      all.push_back({"optimizer." + buffer.name, buffer.tensor});
    }
    return all;
  };
  const std::unique_ptr<Method> undisturbed = Make(1);
  const std::unique_ptr<Optimizer> undisturbed_optimizer = OptimizerOf(GetParam(), *undisturbed);
  Train(1, 2, undisturbed.get(), undisturbed_optimizer.get());
  v1::TrainState state;
  state.set_step(2);
  state.set_epoch_loss_sum(0.1);
  ASSERT_OK(SaveCheckpoint(folder, state, everything(*undisturbed, *undisturbed_optimizer)));
  Train(3, 6, undisturbed.get(), undisturbed_optimizer.get());

  const std::unique_ptr<Method> resumed = Make(99);  // Nothing of the seed may be left.
  const std::unique_ptr<Optimizer> resumed_optimizer = OptimizerOf(GetParam(), *resumed);
  ASSERT_OK_AND_ASSIGN(const auto checkpoints, FindCheckpoints(folder));
  ASSERT_EQ(checkpoints.size(), 1u);
  ASSERT_OK_AND_ASSIGN(const v1::TrainState loaded,
                       LoadCheckpoint(checkpoints[0], everything(*resumed, *resumed_optimizer)));
  EXPECT_EQ(loaded.step(), 2);
  EXPECT_EQ(loaded.epoch_loss_sum(), 0.1);
  Train(3, 6, resumed.get(), resumed_optimizer.get());
  ExpectSameState(everything(*resumed, *resumed_optimizer),
                  everything(*undisturbed, *undisturbed_optimizer));
}

TEST_P(MethodContractTest, GroupsHoldEveryTrainedParameterOnce) {
  const std::unique_ptr<Method> method = Make(1);
  std::vector<std::string> trained, grouped;
  for (const NamedTensor& parameter : method->trained_parameters()) {
    trained.push_back(parameter.name);
  }
  for (const ParameterGroup& group : method->parameter_groups()) {
    EXPECT_FALSE(group.parameters.empty());
    for (const NamedTensor& parameter : group.parameters) grouped.push_back(parameter.name);
  }
  EXPECT_THAT(grouped, ::testing::UnorderedElementsAreArray(trained));
}

TEST_P(MethodContractTest, ProjectionsStaySpreadWhileItTrains) {
  const std::unique_ptr<Method> method = Make(1);
  Train(1, 10, method.get(), OptimizerOf(GetParam(), *method).get());
  const MethodOutput output = method->Forward(MakeBatch(11));
  // About 1 for projections all over the sphere, 0 for a collapse.
  EXPECT_GT(DescribeProjections(output.z1, output.z2).spread, 0.2);
}

TEST_P(MethodContractTest, OnlyConditioningLooksAtTheDescriptor) {
  Batch batch = MakeBatch(1);
  const double loss = Make(1)->Forward(batch).loss.item().toDouble();
  for (View& view : batch.views) view.descriptors = RandomTensor({kBatch, kDescriptor}, 77);
  const double other = Make(1)->Forward(batch).loss.item().toDouble();
  if (GetParam().conditioning.config.treatment() == v1::NONE) {
    EXPECT_EQ(loss, other);
    for (View& view : batch.views) view.descriptors = at::empty({kBatch, 0});
    EXPECT_EQ(loss, Make(1)->Forward(batch).loss.item().toDouble());
  } else {
    EXPECT_NE(loss, other);
  }
}

INSTANTIATE_TEST_SUITE_P(AllMethods, MethodContractTest, ::testing::ValuesIn(AllVariants()),
                         ::testing::PrintToStringParamName());

TEST(MethodRegistryTest, KnowsEveryMemberOfTheOneof) {
  const auto* oneof = v1::MethodConfig::descriptor()->oneof_decl(0);
  ASSERT_EQ(oneof->field_count(), static_cast<int>(MethodNames().size()));
  for (int i = 0; i < oneof->field_count(); ++i)
    EXPECT_EQ(oneof->field(i)->name(), MethodNames()[i]);
}

TEST(MethodRegistryTest, AsksForAMethod) {
  EXPECT_THAT(MakeMethod(v1::MethodConfig(), TinySetup(8, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--method=moco_v2")));
}

}  // namespace
}  // namespace cassle
