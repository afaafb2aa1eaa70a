// The arithmetic of the optimisers, by hand in float64.
#include "cassle/ssl/optimizers/optimizer.h"

#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cmath>
#include <string>
#include <vector>

#include "cassle/ssl/optimizers/make_optimizer.h"
#include "cassle/ssl/optimizers/schedule.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;

at::Tensor Filled(at::IntArrayRef sizes, double value) {
  return at::empty(sizes, at::kDouble).fill_(value);
}

v1::TrainingConfig Config(v1::OptimizerKind kind, double momentum, double weight_decay) {
  v1::TrainingConfig training;
  training.set_optimizer(kind);
  training.set_momentum(momentum);
  training.set_weight_decay(weight_decay);
  return training;
}

std::vector<std::string> BufferNames(const Optimizer& optimizer) {
  std::vector<std::string> names;
  for (const NamedTensor& buffer : optimizer.buffers()) names.push_back(buffer.name);
  return names;
}

TEST(SgdTest, StepsAsTorchDoesOverTwoSteps) {
  at::Tensor p = Filled({1}, 1);
  at::Tensor without_gradient = Filled({1}, 3);
  const auto optimizer = MakeOptimizer(Config(v1::SGD, 0.9, 0.1),
                                       {{.parameters = {{"p", p}, {"q", without_gradient}}}});
  EXPECT_THAT(BufferNames(*optimizer), ElementsAre("p", "q"));
  double expected = 1, buffer = 0;
  for (const double gradient : {0.5, -0.25}) {
    p.mutable_grad() = Filled({1}, gradient);
    EXPECT_DOUBLE_EQ(optimizer->GradientNorm(), std::abs(gradient));
    optimizer->Step({0.2});
    buffer = 0.9 * buffer + (gradient + 0.1 * expected);
    expected -= 0.2 * buffer;
    EXPECT_NEAR(p.item().toDouble(), expected, 1e-15);
  }
  EXPECT_EQ(without_gradient.item().toDouble(), 3);
  optimizer->ZeroGrad();
  EXPECT_FALSE(p.grad().defined());
}

void ExpectAdamOverThreeSteps(v1::OptimizerKind kind) {
  const bool decoupled = kind == v1::ADAMW;
  at::Tensor p = Filled({2}, 1);
  const auto optimizer = MakeOptimizer(Config(kind, 0, 0.1), {{.parameters = {{"p", p}}}});
  EXPECT_THAT(BufferNames(*optimizer), ElementsAre("p.first_moment", "p.second_moment", "steps"));
  double expected = 1, first = 0, second = 0;
  int steps = 0;
  for (const double gradient : {0.5, -0.25, 0.125}) {
    p.mutable_grad() = Filled({2}, gradient);
    optimizer->Step({0.2});
    ++steps;
    const double g = decoupled ? gradient : gradient + 0.1 * expected;
    if (decoupled) expected *= 1 - 0.2 * 0.1;
    first = 0.9 * first + 0.1 * g;
    second = 0.999 * second + 0.001 * g * g;
    expected -= 0.2 * (first / (1 - std::pow(0.9, steps))) /
                (std::sqrt(second / (1 - std::pow(0.999, steps))) + 1e-8);
    EXPECT_NEAR(p.min().item().toDouble(), expected, 1e-14);
    EXPECT_NEAR(p.max().item().toDouble(), expected, 1e-14);
  }
}

// A layer that is frozen at first: the corrections of its moments are those of its own steps.
TEST(AdamWTest, AParameterBeginsWithItsFirstGradient) {
  at::Tensor early = Filled({1}, 1), late = Filled({1}, 1), twin = Filled({1}, 1);
  const auto optimizer = MakeOptimizer(Config(v1::ADAMW, 0, 0.1),
                                       {{.parameters = {{"early", early}, {"late", late}}}});
  for (const double gradient : {0.5, -0.25}) {
    early.mutable_grad() = Filled({1}, gradient);
    optimizer->Step({0.2});
  }
  EXPECT_EQ(late.item().toDouble(), 1);
  const auto from_here =
      MakeOptimizer(Config(v1::ADAMW, 0, 0.1), {{.parameters = {{"twin", twin}}}});
  for (const double gradient : {0.125, 0.5}) {
    for (at::Tensor* parameter : {&early, &late, &twin}) {
      parameter->mutable_grad() = Filled({1}, gradient);
    }
    optimizer->Step({0.2});
    from_here->Step({0.2});
    EXPECT_EQ(late.item().toDouble(), twin.item().toDouble());
  }
}

TEST(AdamWTest, StepsAsTorchDoesOverThreeSteps) { ExpectAdamOverThreeSteps(v1::ADAMW); }

TEST(AdamTest, StepsAsTorchDoesOverThreeSteps) { ExpectAdamOverThreeSteps(v1::ADAM); }

TEST(LarsTest, ScalesMatricesByTheirNormAndLeavesBiasesAlone) {
  at::Tensor weight = Filled({2, 2}, 3);
  at::Tensor bias = Filled({4}, 3);
  const auto optimizer = MakeOptimizer(Config(v1::LARS, 0.9, 0.1),
                                       {{.parameters = {{"weight", weight}, {"bias", bias}}}});
  double expected_weight = 3, weight_buffer = 0, expected_bias = 3, bias_buffer = 0;
  for (const double gradient : {0.5, -0.25}) {
    weight.mutable_grad() = Filled({2, 2}, gradient);
    bias.mutable_grad() = Filled({4}, gradient);
    optimizer->Step({0.2});
    // All entries are equal: the ratio of the norms is that of the entries.
    const double decayed = gradient + 0.1 * expected_weight;
    weight_buffer =
        0.9 * weight_buffer + decayed * 0.001 * std::abs(expected_weight) / std::abs(decayed);
    expected_weight -= 0.2 * weight_buffer;
    bias_buffer = 0.9 * bias_buffer + gradient;
    expected_bias -= 0.2 * bias_buffer;
    EXPECT_NEAR(weight.max().item().toDouble(), expected_weight, 1e-14);
    EXPECT_NEAR(bias.max().item().toDouble(), expected_bias, 1e-14);
  }
}

TEST(LarsTest, TakesAZeroGradientAndAZeroMatrix) {
  at::Tensor weight = Filled({2, 2}, 0);
  const auto optimizer =
      MakeOptimizer(Config(v1::LARS, 0, 0), {{.parameters = {{"weight", weight}}}});
  weight.mutable_grad() = Filled({2, 2}, 0);
  optimizer->Step({1});
  EXPECT_EQ(weight.max().item().toDouble(), 0);
  weight.mutable_grad() = Filled({2, 2}, 0.5);
  optimizer->Step({1});
  EXPECT_EQ(weight.max().item().toDouble(), -0.5);
}

TEST(OptimizerTest, WithoutGradientsTheirNormIs0AndAStepLeavesAllAsItIs) {
  at::Tensor p = Filled({1}, 1);
  const auto optimizer = MakeOptimizer(Config(v1::SGD, 0.9, 0.1), {{}, {.parameters = {{"p", p}}}});
  EXPECT_EQ(optimizer->GradientNorm(), 0);
  optimizer->Step({1, 1});
  EXPECT_EQ(p.item().toDouble(), 1);
}

TEST(OptimizerTest, ClipsTheNormOfAllGradientsTogether) {
  at::Tensor a = Filled({1}, 1), b = Filled({1}, 1);
  const auto optimizer = MakeOptimizer(Config(v1::SGD, 0, 0),
                                       {{.parameters = {{"a", a}}}, {.parameters = {{"b", b}}}});
  a.mutable_grad() = Filled({1}, 3);
  b.mutable_grad() = Filled({1}, 4);
  EXPECT_EQ(optimizer->ClipGradients(optimizer->GradientNorm(), 0), 5);
  EXPECT_EQ(optimizer->ClipGradients(optimizer->GradientNorm(), 6), 5);
  EXPECT_EQ(a.grad().item().toDouble(), 3);
  EXPECT_EQ(optimizer->ClipGradients(optimizer->GradientNorm(), 1), 1);
  EXPECT_DOUBLE_EQ(a.grad().item().toDouble(), 0.6);
  EXPECT_DOUBLE_EQ(b.grad().item().toDouble(), 0.8);
}

TEST(OptimizerTest, ClipsTheGradientOfEachParameterByItself) {
  at::Tensor a = Filled({1}, 1), b = Filled({1}, 1), none = Filled({1}, 1);
  const auto optimizer =
      MakeOptimizer(Config(v1::SGD, 0, 0),
                    {{.parameters = {{"a", a}, {"none", none}}}, {.parameters = {{"b", b}}}});
  a.mutable_grad() = Filled({1}, 0.5);
  b.mutable_grad() = Filled({1}, -4);
  optimizer->ClipEachGradient(0);
  EXPECT_EQ(b.grad().item().toDouble(), -4);
  optimizer->ClipEachGradient(1);
  EXPECT_EQ(a.grad().item().toDouble(), 0.5);
  EXPECT_DOUBLE_EQ(b.grad().item().toDouble(), -1);
}

TEST(OptimizerTest, WeightDecayMayLeaveOutBiasesAndChange) {
  for (const v1::OptimizerKind kind : {v1::SGD, v1::ADAM, v1::ADAMW, v1::LARS}) {
    for (const bool exempt : {false, true}) {
      // How much a step of another decay moves the entries of a matrix and of a bias.
      std::vector<double> weights, biases;
      for (const double decay : {0.0, 0.1}) {
        at::Tensor weight = Filled({2, 2}, 3), bias = Filled({4}, 3);
        v1::TrainingConfig training = Config(kind, 0, 0.7);
        training.set_exempt_biases(exempt);
        const auto optimizer =
            MakeOptimizer(training, {{.parameters = {{"weight", weight}, {"bias", bias}}}});
        optimizer->set_weight_decay(decay);
        // Of opposite sign: even Adam, which steps by the sign, shows the decay in its gradient.
        weight.mutable_grad() = Filled({2, 2}, -0.2);
        bias.mutable_grad() = Filled({4}, -0.2);
        optimizer->Step({0.5});
        weights.push_back(weight.max().item().toDouble());
        biases.push_back(bias.max().item().toDouble());
      }
      EXPECT_LT(weights[1], weights[0]) << kind << exempt;
      const bool decays = !exempt && kind != v1::LARS;
      EXPECT_EQ(biases[1] < biases[0], decays) << kind << exempt;
      if (!decays) EXPECT_EQ(biases[1], biases[0]) << kind << exempt;
    }
  }
}

TEST(WeightDecayTest, GoesAlongACosineOrStays) {
  v1::TrainingConfig training = Config(v1::ADAMW, 0, 0.04);
  training.set_epochs(8);
  EXPECT_EQ(WeightDecayAt(training, 5), 0.04);
  training.set_final_weight_decay(0.4);
  EXPECT_DOUBLE_EQ(WeightDecayAt(training, 0), 0.04);
  EXPECT_DOUBLE_EQ(WeightDecayAt(training, 4), 0.22);
  EXPECT_DOUBLE_EQ(WeightDecayAt(training, 8), 0.4);
}

TEST(OptimizerTest, EveryGroupHasItsRate) {
  at::Tensor a = Filled({1}, 1), b = Filled({1}, 1), c = Filled({1}, 1);
  const auto optimizer =
      MakeOptimizer(Config(v1::SGD, 0, 0), {{.parameters = {{"a", a}}},
                                            {.parameters = {{"b", b}}, .rate_scale = 0.5},
                                            {.parameters = {{"c", c}}, .constant_rate = true}});
  for (at::Tensor* parameter : {&a, &b, &c}) parameter->mutable_grad() = Filled({1}, 1);
  const std::vector<double> rates = GroupRates(optimizer->groups(), 0.5, 0.25);
  EXPECT_THAT(rates, ElementsAre(0.25, 0.125, 0.5));
  optimizer->Step(rates);
  EXPECT_EQ(a.item().toDouble(), 0.75);
  EXPECT_EQ(b.item().toDouble(), 0.875);
  EXPECT_EQ(c.item().toDouble(), 0.5);
  EXPECT_THROW(optimizer->Step({1, 1}), c10::Error);
}

}  // namespace
}  // namespace cassle
