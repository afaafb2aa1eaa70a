#include "cassle/ssl/method/weight_average.h"

#include <ATen/TensorOperators.h>
#include <c10/core/GradMode.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cassle/ssl/testing/tiny_backbone.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

// Networks without an objective.
class Idle : public Method {
 public:
  Idle() : head_(12, 3, /*bias=*/true) {
    backbone_.Initialize(1, "backbone.");
    head_.Initialize(1, "projector.");
  }
  MethodOutput Forward(const Batch&) override { return {}; }
  void AfterStep() override {}
  std::vector<Network> networks() const override {
    return {{"backbone", const_cast<TinyBackbone*>(&backbone_), true},
            {"projector", const_cast<Linear*>(&head_), true}};
  }

 private:
  TinyBackbone backbone_;
  Linear head_;
};

at::Tensor Find(const std::vector<NamedTensor>& state, const std::string& name) {
  for (const NamedTensor& named : state) {
    if (named.name == name) return named.tensor;
  }
  ADD_FAILURE() << name;
  return {};
}

TEST(WeightAverageTest, FollowsTheRecurrenceFromTheStateBeforeTheFirstStep) {
  const c10::NoGradGuard no_grad;
  const auto method = WithAverage(std::make_unique<Idle>(), 0.75);
  for (const char* name : {"backbone.conv1.weight", "projector.bias", "backbone.bn1.running_var"}) {
    at::Tensor trained = Find(method->state(), name);
    const at::Tensor start = trained.clone();
    trained.copy_(start + 1);
    for (int step = 0; step < 3; ++step) method->AfterStep();
    // Of a constant c the average is c + decay^n (start - c).
    const at::Tensor expected = start + (1 - std::pow(0.75, 3));
    EXPECT_LT((Find(FinishedState(*method), name) - expected).abs().max().item().toDouble(), 1e-6)
        << name;
    EXPECT_TRUE(Find(method->state(), name).equal(start + 1)) << name;
  }
}

TEST(WeightAverageTest, WholeNumbersAreCopiedAndWhatStaysStaysExactly) {
  const c10::NoGradGuard no_grad;
  const auto method = WithAverage(std::make_unique<Idle>(), 0.9);
  const at::Tensor before = Find(FinishedState(*method), "backbone.conv2.weight").clone();
  Find(method->state(), "backbone.bn1.num_batches_tracked").fill_(7);
  for (int step = 0; step < 100; ++step) method->AfterStep();
  EXPECT_TRUE(Find(FinishedState(*method), "backbone.conv2.weight").equal(before));
  EXPECT_EQ(Find(FinishedState(*method), "backbone.bn1.num_batches_tracked").item().toLong(), 7);
}

TEST(WeightAverageTest, IsPartOfTheStateAndNothingOfItIsTrained) {
  const Idle plain;
  const auto averaged = WithAverage(std::make_unique<Idle>(), 0.9);
  EXPECT_EQ(averaged->state().size(), 2 * plain.state().size());
  EXPECT_EQ(averaged->trained_parameters().size(), plain.trained_parameters().size());
  EXPECT_EQ(FinishedState(*averaged).size(), plain.state().size());
  // Without an average a run leaves its networks: the same memory.
  EXPECT_TRUE(Find(FinishedState(plain), "projector.weight")
                  .is_same(Find(plain.state(), "projector.weight")));
}

}  // namespace
}  // namespace cassle
