#include "cassle/models/networks/drop_path.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/ones.h>
#include <gtest/gtest.h>

#include <cmath>
#include <memory>
#include <string>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/testing/golden_model.h"
#include "cassle/models/testing/golden_tensor.h"

namespace cassle {
namespace {

TEST(DropPathTest, TheMeanIsTheBranchAndTheRateRisesWithTheBlock) {
  constexpr int64_t kRows = 20000, kBlocks = 5;
  DropPath path(0.4, 7);
  for (int64_t block = 0; block < kBlocks; ++block) {
    const double rate = 0.1 * static_cast<double>(block);
    const at::Tensor kept = path.Apply(at::ones({kRows, 2}), block, kBlocks, 0);
    // A row is kept or left out as a whole.
    EXPECT_TRUE(at::equal(kept.select(1, 0), kept.select(1, 1)));
    const double dropped = (kept == 0).to(at::kDouble).mean().item<double>();
    EXPECT_NEAR(dropped, rate, 4 * std::sqrt(0.25 / kRows)) << block;
    EXPECT_NEAR(kept.max().item<double>(), 1 / (1 - rate), 1e-6);
    EXPECT_NEAR(kept.mean().item<double>(), 1, 4 * std::sqrt(rate / (1 - rate) / kRows) + 1e-6);
  }
  EXPECT_TRUE(at::equal(path.Apply(at::ones({9}), 0, 1, 0), at::ones({9})));
}

TEST(DropPathTest, DrawsDependOnStepBlockBranchAndRowOfTheBatchAlone) {
  DropPath path(0.5, 7);
  const auto draw = [&](int64_t step, int64_t first, int64_t rows, int64_t block = 3,
                        int number = 0) {
    path.Begin(step, first);
    return path.Apply(at::ones({rows}), block, 4, number);
  };
  const at::Tensor whole = draw(2, 0, 64);
  EXPECT_TRUE(at::equal(whole, at::cat({draw(2, 0, 40), draw(2, 40, 24)})));
  EXPECT_FALSE(at::equal(whole, draw(3, 0, 64)));
  EXPECT_FALSE(at::equal(whole, draw(2, 0, 64, 3, 1)));
  EXPECT_FALSE(at::equal(whole == 0, draw(2, 0, 64, 2) == 0));
}

class DropPathOfBackbones : public testing::TestWithParam<const char*> {};

TEST_P(DropPathOfBackbones, ChangesTrainingAlone) {
  v1::BackboneConfig config;
  config.set_architecture(GetParam());
  ASSERT_OK_AND_ASSIGN(config, ResolveBackbone(config, 32));
  const at::Tensor images = GoldenRuleTensor("images", {4, 3, 32, 32});
  ASSERT_OK_AND_ASSIGN(const auto plain, MakeBackbone(config, 1));
  ASSERT_OK_AND_ASSIGN(const auto dropping, MakeBackbone(config, 1));
  // Blocks that start as the identity would hide what is left out.
  for (const auto& backbone : {plain, dropping}) {
    for (const NamedTensor& parameter : backbone->named_parameters()) {
      if (parameter.tensor.abs().max().item<float>() < 1e-5)
        parameter.tensor.set_data(parameter.tensor.detach() + 0.5);
    }
  }
  const auto path = std::make_shared<DropPath>(0.6, 3);
  dropping->set_drop_path(path);
  for (const auto& backbone : {plain, dropping}) backbone->eval();
  EXPECT_TRUE(at::equal(plain->forward(images), dropping->forward(images)));
  // Batch norm by the running statistics: rows do not see each other.
  std::vector<at::Tensor> features;
  for (const int64_t step : {0, 0, 1}) {
    path->Begin(step, 0);
    dropping->train();
    features.push_back(dropping->forward(images));
  }
  EXPECT_TRUE(at::equal(features[0], features[1]));
  EXPECT_FALSE(at::equal(features[0], features[2]));
  plain->train();
  EXPECT_FALSE(at::equal(plain->forward(images), features[0]));
  // Nothing is left out at rate 0.
  dropping->set_drop_path(std::make_shared<DropPath>(0, 3));
  EXPECT_LT(LargestDifference(plain->forward(images), dropping->forward(images)), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Families, DropPathOfBackbones,
                         testing::Values("resnet18", "resnet50", "vit_tiny", "convnext_tiny"));

}  // namespace
}  // namespace cassle
