#include "cassle/models/networks/conditioning.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/sum.h>
#include <c10/util/Exception.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <tuple>

#include "absl/strings/match.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/testing/golden_model.h"
#include "cassle/models/testing/golden_tensor.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(ConditionedProjectorTest, WithoutConditioningTheDescriptorIsIgnored) {
  ASSERT_OK_AND_ASSIGN(auto projector,
                       MakeConditionedProjector({}, 14, {.in = 8, .hidden = 8, .out = 4}, 1));
  projector->eval();
  const at::Tensor features = at::ones({3, 8});
  EXPECT_TRUE(at::equal(projector->forward(features, at::Tensor()),
                        projector->forward(features, at::ones({3, 14}))));
}

TEST(ConditionedProjectorTest, DepthOneIsOneLinearLayerOnTheDescriptor) {
  v1::ConditioningConfig config;
  config.set_treatment(v1::MLP);
  config.set_depth(1);
  config.set_width(5);
  ASSERT_OK_AND_ASSIGN(auto projector,
                       MakeConditionedProjector(config, 14, {.in = 8, .hidden = 8, .out = 4}, 1));
  EXPECT_EQ(projector->named_parameters()[0].tensor.sizes().vec(), (std::vector<int64_t>{5, 14}));
  EXPECT_EQ(projector->forward(at::ones({3, 8}), at::ones({3, 14})).sizes().vec(),
            (std::vector<int64_t>{3, 4}));
}

// What the plain module says must hold for every way of conditioning.
class TreatmentTest : public testing::TestWithParam<std::tuple<v1::Treatment, v1::Injection, int>> {
 protected:
  static constexpr int64_t kFeatures = 6;
  static constexpr int64_t kBatch = 5;

  std::shared_ptr<ConditionedProjector> Make(int64_t descriptor_size) const {
    v1::ConditioningConfig config;
    config.set_treatment(std::get<0>(GetParam()));
    config.set_injection(std::get<1>(GetParam()));
    config.set_depth(std::get<2>(GetParam()));
    config.set_width(3);
    const auto projector = MakeConditionedProjector(
        config, descriptor_size, {.in = kFeatures, .hidden = 7, .out = 4, .depth = 3}, 1);
    EXPECT_OK(projector);
    return *projector;
  }
};

TEST_P(TreatmentTest, EveryDescriptorSizeFitsAndEveryParameterHasAGradient) {
  // 6: as many values as features.
  for (const int64_t descriptor_size : {1, 6, 14}) {
    SCOPED_TRACE(descriptor_size);
    const auto projector = Make(descriptor_size);
    at::Tensor features = GoldenRuleTensor("input features", {kBatch, kFeatures});
    at::Tensor descriptor = GoldenRuleTensor("input descriptor", {kBatch, descriptor_size});
    features.set_requires_grad(true);
    descriptor.set_requires_grad(true);
    const at::Tensor output = projector->forward(features, descriptor);
    EXPECT_EQ(output.sizes().vec(), (std::vector<int64_t>{kBatch, 4}));
    at::sum(output * GoldenRuleTensor("input cotangent", {kBatch, 4})).backward();
    EXPECT_GT(features.grad().abs().max().item<float>(), 0);
    EXPECT_GT(descriptor.grad().abs().max().item<float>(), 0);
    for (const NamedTensor& entry : projector->named_parameters()) {
      ASSERT_TRUE(entry.tensor.grad().defined()) << entry.name;
    }
  }
}

TEST_P(TreatmentTest, InEvaluationARowDependsOnItsOwnDescriptorOnly) {
  const auto projector = Make(14);
  projector->eval();
  const at::Tensor features = GoldenRuleTensor("input features", {kBatch, kFeatures});
  const at::Tensor descriptor = GoldenRuleTensor("input descriptor", {kBatch, 14});
  at::Tensor changed = descriptor.clone();
  changed.narrow(0, 2, 1).add_(0.5);
  const at::Tensor difference =
      (projector->forward(features, changed) - projector->forward(features, descriptor)).abs();
  for (int64_t row = 0; row < kBatch; ++row) {
    const float largest = difference.narrow(0, row, 1).max().item<float>();
    if (row == 2) {
      EXPECT_GT(largest, 0);
    } else {
      EXPECT_EQ(largest, 0) << row;
    }
  }
}

TEST_P(TreatmentTest, ADescriptorThatDoesNotFitThrows) {
  const auto projector = Make(14);
  const at::Tensor features = at::ones({3, kFeatures});
  EXPECT_THROW(projector->forward(features, at::Tensor()), c10::Error);
  EXPECT_THROW(projector->forward(features, at::ones({2, 14})), c10::Error);
  EXPECT_THROW(projector->forward(features, at::ones({3, 13})), c10::Error);
  EXPECT_THROW(Make(6)->forward(features, at::ones({3, 1})), c10::Error);
}

INSTANTIATE_TEST_SUITE_P(Injected, TreatmentTest,
                         testing::Combine(testing::Values(v1::RAW, v1::MLP),
                                          testing::Values(v1::CONCATENATION, v1::ADDITION,
                                                          v1::MULTIPLICATION),
                                          testing::Values(1, 2, 6)));
INSTANTIATE_TEST_SUITE_P(Generated, TreatmentTest,
                         testing::Combine(testing::Values(v1::HYPERNETWORK),
                                          testing::Values(v1::INJECTION_UNSPECIFIED),
                                          testing::Values(1, 2, 6)));

TEST(ConditionedProjectorTest, ARawDescriptorGetsALinearLayerOnlyWhereItsSizeDiffers) {
  v1::ConditioningConfig config;
  config.set_treatment(v1::RAW);
  for (const v1::Injection injection : {v1::ADDITION, v1::MULTIPLICATION}) {
    config.set_injection(injection);
    ASSERT_OK_AND_ASSIGN(auto fits,
                         MakeConditionedProjector(config, 8, {.in = 8, .hidden = 8, .out = 4}, 1));
    EXPECT_EQ(fits->named_parameters()[0].name, "mlp.0.weight");
    ASSERT_OK_AND_ASSIGN(auto differs,
                         MakeConditionedProjector(config, 14, {.in = 8, .hidden = 8, .out = 4}, 1));
    EXPECT_EQ(differs->named_parameters()[0].name, "conditioner.0.weight");
    EXPECT_EQ(differs->named_parameters()[0].tensor.sizes().vec(), (std::vector<int64_t>{8, 14}));
    EXPECT_EQ(differs->named_parameters()[1].name, "conditioner.0.bias");
  }
}

TEST(ConditionedProjectorTest, ImageChannelsAreMadeForTheBackboneAndTheProjectorStaysPlain) {
  const MlpOptions mlp = {.in = 8, .hidden = 8, .out = 4};
  ASSERT_OK_AND_ASSIGN(auto plain, MakeConditionedProjector({}, 5, mlp, 1));
  EXPECT_EQ(plain->num_image_channels(), 0);
  EXPECT_THROW(plain->ImageChannels(at::ones({3, 5})), c10::Error);
  for (const v1::Treatment treatment : {v1::RAW, v1::MLP}) {
    v1::ConditioningConfig config;
    config.set_treatment(treatment);
    config.set_injection(v1::IMAGE_CHANNELS);
    config.set_width(3);
    ASSERT_OK_AND_ASSIGN(auto projector, MakeConditionedProjector(config, 5, mlp, 1));
    const int64_t channels = treatment == v1::RAW ? 5 : 3;
    EXPECT_EQ(projector->num_image_channels(), channels);
    EXPECT_EQ(projector->ImageChannels(at::ones({3, 5})).sizes().vec(),
              (std::vector<int64_t>{3, channels}));
    EXPECT_TRUE(at::equal(projector->forward(at::ones({3, 8}), at::ones({3, 5})),
                          plain->forward(at::ones({3, 8}), {})));
  }
}

TEST(ConditionedPredictorTest, IsAProjectorWithStreamsOfItsOwn) {
  v1::ConditioningConfig config;
  EXPECT_FALSE(ConditionsPredictor(config));
  config.set_predictor(true);
  EXPECT_FALSE(ConditionsPredictor(config));
  config.set_treatment(v1::MLP);
  EXPECT_TRUE(ConditionsPredictor(config));
  const MlpOptions mlp = {.in = 8, .hidden = 3, .out = 8};
  ASSERT_OK_AND_ASSIGN(auto predictor, MakeConditionedPredictor(config, 14, mlp, 1));
  ASSERT_OK_AND_ASSIGN(auto projector, MakeConditionedProjector(config, 14, mlp, 1));
  EXPECT_EQ(predictor->forward(at::ones({3, 8}), at::ones({3, 14})).sizes().vec(),
            (std::vector<int64_t>{3, 8}));
  EXPECT_EQ(predictor->state().size(), projector->state().size());
  EXPECT_FALSE(at::equal(predictor->parameters()[0], projector->parameters()[0]));
}

// Sums and products by hand, with the plain projector of equal weights.
TEST(ConditionedProjectorTest, InjectsByAdditionAndMultiplication) {
  const MlpOptions mlp = {.in = 8, .hidden = 8, .out = 4};
  ASSERT_OK_AND_ASSIGN(auto plain, MakeConditionedProjector({}, 0, mlp, 1));
  plain->eval();
  const at::Tensor features = GoldenRuleTensor("input features", {3, 8});
  const at::Tensor descriptor = GoldenRuleTensor("input descriptor", {3, 8});
  v1::ConditioningConfig config;
  config.set_treatment(v1::RAW);
  for (const v1::Injection injection : {v1::ADDITION, v1::MULTIPLICATION}) {
    config.set_injection(injection);
    ASSERT_OK_AND_ASSIGN(auto projector, MakeConditionedProjector(config, 8, mlp, 1));
    projector->eval();
    const at::Tensor injected =
        injection == v1::ADDITION ? features + descriptor : features * descriptor;
    EXPECT_TRUE(at::equal(projector->forward(features, descriptor),
                          plain->forward(injected, at::Tensor())));
  }
}

// With a single linear layer: z = W [a, s b] + c, so strength 3 moves z three times as far as
// strength 1, from what a strength near 0 gives.
TEST(ConditionedProjectorTest, StrengthMultipliesWhatMeetsTheFeatures) {
  const MlpOptions mlp = {.in = 8, .out = 4, .depth = 1};
  const at::Tensor features = GoldenRuleTensor("input features", {3, 8});
  const at::Tensor descriptor = GoldenRuleTensor("input descriptor", {3, 8});
  for (const v1::Treatment treatment : {v1::RAW, v1::MLP}) {
    for (const v1::Injection injection : {v1::CONCATENATION, v1::ADDITION}) {
      v1::ConditioningConfig config;
      config.set_treatment(treatment);
      config.set_injection(injection);
      config.set_depth(1);
      config.set_width(5);
      const auto project = [&](double strength) {
        config.set_strength(strength);
        return MakeConditionedProjector(config, 8, mlp, 1).value()->forward(features, descriptor);
      };
      const at::Tensor told_nothing = project(1e-30);
      const at::Tensor once = project(1) - told_nothing;
      EXPECT_GT(once.abs().max().item<float>(), 1e-2);
      EXPECT_LT(LargestDifference(project(3) - told_nothing, once * 3), 1e-5);
      config.clear_strength();
      EXPECT_TRUE(at::equal(
          MakeConditionedProjector(config, 8, mlp, 1).value()->forward(features, descriptor),
          project(1)));
    }
  }
}

TEST(ConditioningConfigTest, DefaultsAreTheAuthorsAndRangesAreChecked) {
  ASSERT_OK_AND_ASSIGN(const v1::ConditioningConfig resolved, ResolveConditioning({}));
  EXPECT_EQ(resolved.treatment(), v1::NONE);
  EXPECT_EQ(resolved.depth(), 6);
  EXPECT_EQ(resolved.width(), 64);

  v1::ConditioningConfig config;
  config.set_treatment(v1::MLP);
  EXPECT_THAT(MakeConditionedProjector(config, 0, {.in = 8, .hidden = 8, .out = 4}, 1),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("descriptor groups")));
  config.set_depth(-1);
  EXPECT_THAT(ResolveConditioning(config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("conditioning.depth=-1: expected 1 to 64")));
  config.set_depth(2);
  config.set_width(1 << 20);
  EXPECT_THAT(ResolveConditioning(config),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("conditioning.width")));
}

TEST(ConditioningConfigTest, InjectionIsConcatenationUnlessChosen) {
  v1::ConditioningConfig config;
  for (const v1::Treatment treatment : {v1::RAW, v1::MLP}) {
    config.set_treatment(treatment);
    ASSERT_OK_AND_ASSIGN(const v1::ConditioningConfig resolved, ResolveConditioning(config));
    EXPECT_EQ(resolved.injection(), v1::CONCATENATION);
  }
}

TEST(ConditioningConfigTest, IsDescribedInWords) {
  v1::ConditioningConfig config;
  config.set_injection(v1::ADDITION);
  config.set_treatment(v1::NONE);
  EXPECT_EQ(DescribeTreatment(config), "none");
  config.set_treatment(v1::RAW);
  EXPECT_EQ(DescribeTreatment(config), "raw by addition");
  config.set_injection(v1::CONCATENATION);
  EXPECT_EQ(DescribeTreatment(config), "raw");
  config.set_injection(v1::IMAGE_CHANNELS);
  EXPECT_EQ(DescribeTreatment(config), "raw as image channels");
  config.clear_injection();
  config.set_treatment(v1::HYPERNETWORK);
  EXPECT_EQ(DescribeTreatment(config), "hypernetwork");
  config.set_hypernetwork_norm(true);
  EXPECT_EQ(DescribeTreatment(config), "hypernetwork with batch norm");
  config.set_predictor(true);
  EXPECT_EQ(DescribeTreatment(config), "hypernetwork with batch norm, predictor too");
  config.set_relative(true);
  config.set_strength(1);
  EXPECT_EQ(DescribeTreatment(config),
            "hypernetwork with batch norm of differences, predictor too");
  config.clear_predictor();
  config.set_treatment(v1::MLP);
  config.clear_hypernetwork_norm();
  EXPECT_EQ(DescribeTreatment(config), "mlp of differences");
  config.set_strength(0.25);
  EXPECT_EQ(DescribeTreatment(config), "mlp of strength 0.25 of differences");
}

TEST(ConditioningConfigTest, TheEmbeddingEndsInBatchNormOrInALinearLayer) {
  v1::ConditioningConfig config;
  config.set_treatment(v1::MLP);
  config.set_depth(2);
  config.set_width(4);
  const auto names = [&] {
    std::vector<std::string> found;
    const auto projector = MakeConditionedProjector(config, 3, {.in = 5, .hidden = 6, .out = 7}, 1);
    EXPECT_OK(projector);
    for (const NamedTensor& parameter : (*projector)->named_parameters()) {
      if (parameter.name.find("conditioner.") == 0) found.push_back(parameter.name);
    }
    return found;
  };
  const std::vector<std::string> with_norm = {"conditioner.0.weight", "conditioner.1.weight",
                                              "conditioner.1.bias",   "conditioner.3.weight",
                                              "conditioner.4.weight", "conditioner.4.bias"};
  EXPECT_EQ(names(), with_norm);
  config.set_final_norm(true);
  EXPECT_EQ(names(), with_norm);
  config.set_final_norm(false);
  EXPECT_EQ(names(), std::vector<std::string>({"conditioner.0.weight", "conditioner.1.weight",
                                               "conditioner.1.bias", "conditioner.3.weight",
                                               "conditioner.3.bias"}));
  EXPECT_EQ(DescribeTreatment(config), "mlp without final norm");
  // However it meets the features.
  for (const v1::Injection injection : {v1::ADDITION, v1::MULTIPLICATION, v1::IMAGE_CHANNELS}) {
    config.set_injection(injection);
    EXPECT_EQ(names().back(), "conditioner.3.bias") << v1::Injection_Name(injection);
  }
}

TEST(ConditioningConfigTest, ImpossibleCombinationsNameTheFieldAndTheRemedy) {
  v1::ConditioningConfig config;
  config.set_treatment(v1::HYPERNETWORK);
  config.set_injection(v1::ADDITION);
  EXPECT_THAT(ResolveConditioning(config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--conditioning.injection=addition"),
                             HasSubstr("leave the injection out"))));
  config.set_treatment(v1::RAW);
  config.set_hypernetwork_norm(true);
  EXPECT_THAT(ResolveConditioning(config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("conditioning.hypernetwork_norm"), HasSubstr("raw"),
                             HasSubstr("choose treatment hypernetwork"))));
  config.clear_hypernetwork_norm();
  config.set_hypernetwork_last_norm(false);
  EXPECT_THAT(ResolveConditioning(config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("conditioning.hypernetwork_last_norm"), HasSubstr("raw"),
                             HasSubstr("choose treatment hypernetwork"))));
  config.clear_hypernetwork_last_norm();
  config.clear_injection();
  config.set_final_norm(false);
  EXPECT_THAT(ResolveConditioning(config),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("--conditioning.final_norm=false"), HasSubstr("raw"))));
  config.clear_final_norm();
  config.set_strength(0.5);
  config.set_injection(v1::MULTIPLICATION);
  EXPECT_THAT(
      ResolveConditioning(config),
      StatusIs(
          absl::StatusCode::kInvalidArgument,
          AllOf(
              HasSubstr("--conditioning.strength=0.5 has no meaning with injection multiplication"),
              HasSubstr("leave it out"))));
  config.set_injection(v1::ADDITION);
  EXPECT_OK(ResolveConditioning(config));
  for (const double strength : {0.0, 1e38}) {
    config.set_strength(strength);
    EXPECT_THAT(ResolveConditioning(config), StatusIs(absl::StatusCode::kInvalidArgument,
                                                      HasSubstr("above 0 and at most 1000")));
  }
  config.clear_strength();
  // The baseline of a grid takes the settings of the others.
  config.set_treatment(v1::NONE);
  EXPECT_OK(ResolveConditioning(config));
  config.set_injection(static_cast<v1::Injection>(9));
  config.set_treatment(v1::MLP);
  EXPECT_THAT(ResolveConditioning(config), StatusIs(absl::StatusCode::kInvalidArgument,
                                                    HasSubstr("--conditioning.injection=9")));
  config.set_treatment(static_cast<v1::Treatment>(9));
  EXPECT_THAT(ResolveConditioning(config), StatusIs(absl::StatusCode::kInvalidArgument,
                                                    HasSubstr("--conditioning.treatment=9")));
}

// Theirs, as projector_hn_* show it, has no other hidden size than that of the features; ours gets
// it from hidden_size=0, which Encoder resolves.
TEST(ConditioningConfigTest,
     AHypernetworkMakesTheMethodsProjectorWhereTheAuthorsIsAsWideAsTheFeatures) {
  v1::ConditioningConfig config;
  config.set_treatment(v1::HYPERNETWORK);
  for (const int64_t hidden : {8, 5}) {
    ASSERT_OK_AND_ASSIGN(
        const auto projector,
        MakeConditionedProjector(config, 14, {.in = 8, .hidden = hidden, .out = 3, .depth = 3}, 1));
    const int64_t generated = 9 * hidden + (hidden + 1) * hidden + (hidden + 1) * 3;
    int64_t largest = 0;
    for (const NamedTensor& entry : projector->state()) {
      if (entry.tensor.dim() == 2) largest = std::max(largest, entry.tensor.size(0));
    }
    // The generator's last layer; its others are of width 64.
    EXPECT_EQ(largest, generated);
  }
}

TEST(ConditioningConfigTest,
     TheProjectorThatAHypernetworkMakesEndsInBatchNormUnlessItIsTheAuthors) {
  v1::ConditioningConfig config;
  config.set_treatment(v1::HYPERNETWORK);
  const auto norms = [&] {
    const auto projector = MakeConditionedProjector(
        config, 14, {.in = 8, .hidden = 8, .out = 3, .depth = 3, .last_norm = true}, 1);
    EXPECT_OK(projector);
    std::set<std::string> found;
    for (const NamedTensor& entry : (*projector)->state()) {
      if (absl::StartsWith(entry.name, "mlp.norms.")) found.insert(entry.name.substr(10, 1));
    }
    return found;
  };
  EXPECT_THAT(norms(), ElementsAre("2"));
  config.set_hypernetwork_norm(true);
  EXPECT_THAT(norms(), ElementsAre("0", "1", "2"));
  config.set_hypernetwork_last_norm(false);
  EXPECT_THAT(norms(), ElementsAre("0", "1"));
  EXPECT_EQ(DescribeTreatment(config), "hypernetwork with batch norm without last norm");
}

// Barlow Twins' projector on ResNet-50: 151 million weights.
TEST(ConditioningConfigTest, AHypernetworkThatFitsNoMachineIsRefused) {
  v1::ConditioningConfig config;
  config.set_treatment(v1::HYPERNETWORK);
  EXPECT_THAT(MakeConditionedProjector(config, 14,
                                       {.in = 2048, .hidden = 8192, .out = 8192, .depth = 3}, 1),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       AllOf(HasSubstr("151019520 weights"), HasSubstr("conditioning.width"))));
}

}  // namespace
}  // namespace cassle
