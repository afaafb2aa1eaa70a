#include "cassle/ssl/method/augself.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/testing/golden_tensor.h"
#include "cassle/ssl/objectives/augself_objectives.h"
#include "cassle/ssl/testing/tiny_backbone.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

double Value(const at::Tensor& scalar) { return scalar.item().toDouble(); }

// Our groups in their order, and the authors' names.
const std::vector<std::pair<std::string, std::string>>& Groups() {
  static const auto* groups = new std::vector<std::pair<std::string, std::string>>{
      {"blur", "blur"}, {"color", "color"},  {"crop", "crop"},
      {"flip", "flip"}, {"rotation", "rot"}, {"solarize", "sol"}};
  return *groups;
}

// A target of the file as [N, columns] float32.
at::Tensor Target(const SafetensorsFile& golden, const std::string& name) {
  const at::Tensor target = GoldenTensor(golden, name).to(at::kFloat);
  return target.dim() == 1 ? target.unsqueeze(1) : target;
}

at::Tensor Relative(const SafetensorsFile& golden, const std::string& direction) {
  std::vector<at::Tensor> columns;
  for (const auto& group : Groups()) {
    columns.push_back(Target(golden, absl::StrCat(direction, ".", group.second)));
  }
  return at::cat(columns, 1);
}

MethodSetup AllTargets(const SafetensorsFile& golden) {
  MethodSetup setup;
  setup.official = true;
  const auto* config = v1::AugSelfConfig::descriptor();
  for (const auto& [ours, theirs] : Groups()) {
    setup.augself.GetReflection()->SetDouble(&setup.augself, config->FindFieldByName(ours),
                                             std::stod(golden.Metadata("weight_" + theirs)));
  }
  setup.augself.set_hidden_size(
      static_cast<int32_t>(GoldenTensor(golden, "state.crop.0.weight").size(0)));
  return setup;
}

void Load(const SafetensorsFile& golden, const std::string& theirs, Module* head) {
  at::NoGradGuard no_grad;
  for (const NamedTensor& entry : head->state()) {
    entry.tensor.copy_(GoldenTensor(golden, absl::StrCat("state.", theirs, ".", entry.name)));
  }
}

void ExpectTheirGradients(const SafetensorsFile& golden, const std::string& theirs,
                          const Module& head) {
  for (const NamedTensor& parameter : head.named_parameters()) {
    const std::string name = absl::StrCat("grad.", theirs, ".", parameter.name);
    // float32 keeps 7 digits; two layers of batch norm over a few rows cost three.
    EXPECT_LT(RelativeDifference(parameter.tensor.grad(), GoldenTensor(golden, name)), 1e-4)
        << name;
  }
}

// One target's loss by the function that compat OFFICIAL uses.
at::Tensor TargetLoss(const std::string& ours, const at::Tensor& predictions,
                      const at::Tensor& target) {
  const auto loss_of = ours == "flip"       ? AgreementLoss
                       : ours == "rotation" ? QuarterTurnLoss
                       : ours == "solarize" ? BroadcastDifferenceLoss
                                            : DifferenceLoss;
  return loss_of(predictions, target);
}

// Every loss of the file, and the gradients of their weighted sum: what `z1`, `z2` and the
// differences make of them in `type` is what the authors' run in that type made of them.
void ExpectLosses(const SafetensorsFile& golden, bool both_orders, at::ScalarType type) {
  const bool wide = type == at::kDouble;
  const std::string suffix = wide ? ".f64" : "";
  // In float64 what is left is rounding.
  const double of_values = wide ? 1e-12 : 1e-5, of_gradients = wide ? 1e-10 : 1e-4;
  EXPECT_EQ(golden.Metadata("symmetric"), both_orders ? "1" : "0");
  const at::Tensor y1 = GoldenTensor(golden, "z1").to(type).requires_grad_();
  const at::Tensor y2 = GoldenTensor(golden, "z2").to(type).requires_grad_();
  at::Tensor pairs = at::cat({y1, y2}, 1);
  if (both_orders) pairs = at::cat({pairs, at::cat({y2, y1}, 1)});
  ASSERT_OK_AND_ASSIGN(const AugSelf augself, AugSelf::Create(AllTargets(golden), y1.size(1)));
  std::vector<Method::Network> heads;
  augself.AppendTo(&heads);
  at::Tensor total = at::zeros({}, type);
  for (size_t i = 0; i < heads.size(); ++i) {
    const auto& [ours, theirs] = Groups()[i];
    Load(golden, theirs, heads[i].module);
    heads[i].module->ToDtype(type);
    at::Tensor target = Target(golden, "d1." + theirs);
    if (both_orders) target = at::cat({target, Target(golden, "d2." + theirs)});
    const at::Tensor loss =
        TargetLoss(ours, dynamic_cast<Mlp&>(*heads[i].module).forward(pairs), target.to(type));
    const std::string name = "loss." + theirs;
    EXPECT_LT(RelativeDifference(loss, GoldenTensor(golden, name + suffix)), of_values) << ours;
    EXPECT_LT(RelativeDifference(loss, GoldenTensor(golden, name)), 1e-5) << ours;
    total = total + loss * std::stod(golden.Metadata("weight_" + theirs));
  }
  total.backward();
  const auto expect = [&](const at::Tensor& ours, const std::string& name, double tolerance) {
    EXPECT_LT(RelativeDifference(ours, GoldenTensor(golden, name + suffix)), tolerance) << name;
  };
  expect(total, "loss.total", of_values);
  expect(y1.grad(), "grad.z1", of_gradients);
  expect(y2.grad(), "grad.z2", of_gradients);
  if (wide) return;
  for (size_t i = 0; i < heads.size(); ++i) {
    ExpectTheirGradients(golden, Groups()[i].second, *heads[i].module);
  }
}

TEST(AugSelfObjectivesTest, LossesInFloat64EqualTheAuthors) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile both,
                       OpenGolden("loss_augself_symmetric.safetensors"));
  ExpectLosses(both, true, at::kDouble);
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile one, OpenGolden("loss_augself_oneway.safetensors"));
  ExpectLosses(one, false, at::kDouble);
}

TEST(AugSelfTest, BothOrdersEqualTheAuthorsValueAndGradients) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden,
                       OpenGolden("loss_augself_symmetric.safetensors"));
  const at::Tensor y1 = GoldenTensor(golden, "z1").requires_grad_();
  const at::Tensor y2 = GoldenTensor(golden, "z2").requires_grad_();
  ASSERT_OK_AND_ASSIGN(AugSelf augself, AugSelf::Create(AllTargets(golden), y1.size(1)));
  std::vector<Method::Network> heads;
  augself.AppendTo(&heads);
  ASSERT_EQ(heads.size(), Groups().size());
  for (size_t i = 0; i < heads.size(); ++i) {
    EXPECT_EQ(heads[i].name, "augself_" + Groups()[i].first);
    Load(golden, Groups()[i].second, heads[i].module);
  }
  const at::Tensor loss = augself.Loss(y1, y2, Relative(golden, "d1"), Relative(golden, "d2"));
  loss.backward();
  EXPECT_LT(RelativeDifference(loss, GoldenTensor(golden, "loss.total")), 1e-5);
  EXPECT_LT(RelativeDifference(y1.grad(), GoldenTensor(golden, "grad.z1")), 1e-4);
  EXPECT_LT(RelativeDifference(y2.grad(), GoldenTensor(golden, "grad.z2")), 1e-4);
  for (size_t i = 0; i < heads.size(); ++i) {
    ExpectTheirGradients(golden, Groups()[i].second, *heads[i].module);
  }
}

TEST(AugSelfObjectivesTest, OneOrderEqualsTheAuthorsValuesAndGradients) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("loss_augself_oneway.safetensors"));
  ExpectLosses(golden, false, at::kFloat);
}

TEST(AugSelfObjectivesTest, PerfectPredictionsCostNothingButNotWhenBroadcast) {
  const at::Tensor predictions = RandomTensor({6, 1}, 1).to(at::kDouble);
  const at::Tensor differences = predictions.tanh();
  EXPECT_EQ(Value(DifferenceLoss(predictions, differences)), 0);
  // Every prediction against every difference: twice the variance.
  EXPECT_NEAR(Value(BroadcastDifferenceLoss(predictions, differences)),
              2 * Value(differences.var(/*unbiased=*/false)), 1e-12);
}

TEST(AugSelfObjectivesTest, NoKnowledgeCostsTheLogOfTheClasses) {
  const at::Tensor classes = at::ones({5, 1});
  EXPECT_NEAR(Value(AgreementLoss(at::zeros({5, 1}), classes)), std::log(2.0), 1e-6);
  EXPECT_NEAR(Value(QuarterTurnLoss(at::zeros({5, 4}), classes * 3)), std::log(4.0), 1e-6);
}

TEST(AugSelfTest, SolarizeIsBroadcastOnlyWithCompatOfficial) {
  const at::Tensor y1 = RandomTensor({8, 3}, 1), y2 = RandomTensor({8, 3}, 2);
  const at::Tensor d1 = RandomTensor({8, 1}, 3);
  MethodSetup setup;
  const auto loss = [&] {
    absl::StatusOr<AugSelf> augself = AugSelf::Create(setup, 3);
    EXPECT_OK(augself);
    return Value(augself->Loss(y1, y2, d1, -d1));
  };
  setup.augself.set_hidden_size(512);
  setup.augself.set_solarize(1);
  const double correct = loss();
  setup.official = true;
  EXPECT_NE(loss(), correct);
  setup.augself.clear_solarize();
  setup.augself.set_blur(1);
  const double blur = loss();
  setup.official = false;
  EXPECT_EQ(loss(), blur);
}

TEST(AugSelfTest, WeightsChooseTheGroups) {
  v1::AugSelfConfig config;
  EXPECT_THAT(AugSelfGroups(config), ElementsAre());
  config.set_solarize(0.1);
  config.set_crop(1);
  EXPECT_THAT(AugSelfGroups(config), ElementsAre("crop", "solarize"));
}

}  // namespace
}  // namespace cassle
