// Every method, alone and on several ranks: the same training.
#include <ATen/TensorOperators.h>
#include <ATen/ops/index_select.h>
#include <ATen/ops/tensor.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "cassle/runtime/ranks/ranks_testutil.h"
#include "cassle/ssl/testing/method_variants.h"
#include "cassle/ssl/testing/tiny_backbone.h"
#include "cassle/ssl/training/accumulate.h"
#include "cassle/ssl/training/average_gradients.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

constexpr int kSteps = 5;

struct Trained {
  std::vector<double> losses;
  std::vector<NamedTensor> state;
};

at::Tensor Rows(const at::Tensor& tensor, const std::vector<int64_t>& rows) {
  return tensor.defined() ? at::index_select(tensor, 0, at::tensor(rows)) : tensor;
}

Batch OwnRowsOf(const Batch& batch, const std::vector<int64_t>& rows) {
  Batch own;
  for (const View& view : batch.views) {
    own.views.push_back({Rows(view.images, rows).contiguous(at::MemoryFormat::ChannelsLast),
                         Rows(view.descriptors, rows), Rows(view.relative, rows)});
  }
  own.labels = Rows(batch.labels, rows);
  return own;
}

Trained Train(const Variant& variant, int64_t parts, Team* team, bool batch_norm_per_rank = false,
              bool compress = false) {
  Trained trained;
  const std::unique_ptr<Method> method =
      MakeVariant(variant, 1, Precision::kFloat32, [&](MethodSetup* setup) {
        setup->team = team;
        setup->batch_norm_per_rank = batch_norm_per_rank;
        setup->part_size = kBatch / parts;
      });
  const std::unique_ptr<Optimizer> optimizer = OptimizerOf(variant, *method);
  std::unique_ptr<GradientAverager> averager;
  if (team != nullptr) {
    averager = std::make_unique<GradientAverager>(method->trained_parameters(), team, compress);
  }
  // Small: a step magnifies rounding by a factor that grows with the rate.
  const double rate = OptimizerKindOf(variant) == v1::ADAMW ? 1e-5 : 3e-4;
  for (int step = 1; step <= kSteps; ++step) {
    method->set_progress((step - 1) / 10.0);
    optimizer->ZeroGrad();
    Batch batch = RandomBatch(step, variant.views());
    if (team != nullptr) {
      batch = OwnRowsOf(batch, RowsOnRank(kBatch, parts, team->rank(), team->size()));
    }
    const BatchPass pass =
        AccumulateGradients(batch, parts, method.get(), {team, kBatch, averager.get()});
    trained.losses.push_back(pass.loss);
    if (NeedsClipping(variant)) optimizer->ClipGradients(optimizer->GradientNorm(), 1);
    optimizer->Step(GroupRates(optimizer->groups(), rate, rate));
    method->AfterStep();
  }
  trained.state = method->state();
  return trained;
}

class RanksTest : public ::testing::TestWithParam<Variant> {};

void ExpectNear(const Trained& trained, const Trained& alone, double tolerance) {
  for (int step = 0; step < kSteps; ++step) {
    EXPECT_NEAR(trained.losses[step], alone.losses[step],
                tolerance * std::max(1.0, std::abs(alone.losses[step])));
  }
  ASSERT_EQ(trained.state.size(), alone.state.size());
  for (size_t i = 0; i < alone.state.size(); ++i) {
    const at::Tensor a = trained.state[i].tensor.to(at::kDouble);
    const at::Tensor b = alone.state[i].tensor.to(at::kDouble);
    if (b.numel() == 0) continue;
    // What is near 0, a bias after few steps or the mean of what batch norm has centred, is a
    // difference of larger values.
    const double scale = std::max(1e-2, b.abs().max().item().toDouble());
    EXPECT_LT((a - b).abs().max().item().toDouble() / scale, tolerance) << alone.state[i].name;
  }
}

TEST_P(RanksTest, AnyNumberOfRanksTrainsWhatOneDoes) {
  for (const auto& [parts, sizes] :
       {std::pair<int64_t, std::vector<int>>(1, {1, 2, 3, 4}), {2, {3}}}) {
    const Trained alone = Train(GetParam(), parts, nullptr);
    for (const int size : sizes) {
      SCOPED_TRACE(testing::Message() << size << " ranks, " << parts << " parts");
      std::vector<Trained> ranks(size);
      RunRanks(size, [&](Team* team) { ranks[team->rank()] = Train(GetParam(), parts, team); });
      ExpectNear(ranks[0], alone, 1e-5);
      // Ranks do not drift apart.
      for (int rank = 1; rank < size; ++rank) {
        EXPECT_EQ(ranks[rank].losses, ranks[0].losses);
        for (size_t i = 0; i < alone.state.size(); ++i) {
          EXPECT_TRUE(ranks[rank].state[i].tensor.equal(ranks[0].state[i].tensor))
              << alone.state[i].name;
        }
      }
    }
  }
}

TEST_P(RanksTest, TheSameNumberOfRanksGivesTheSameBytesTwice) {
  std::vector<Trained> runs(2);
  for (Trained& run : runs) {
    RunRanks(3, [&](Team* team) {
      Trained trained = Train(GetParam(), 1, team);
      if (team->rank() == 0) run = std::move(trained);
    });
  }
  EXPECT_EQ(runs[0].losses, runs[1].losses);
  for (size_t i = 0; i < runs[0].state.size(); ++i) {
    EXPECT_TRUE(runs[0].state[i].tensor.equal(runs[1].state[i].tensor)) << runs[0].state[i].name;
  }
}

TEST(RanksCompressionTest, HalfTheBytesGiveTheSameTrainingToThreeDigitsAndRanksStayEqual) {
  const Variant variant = {"moco_v2", AllConditioningCases()[0]};
  const Trained alone = Train(variant, 1, nullptr);
  for (const int size : {2, 3}) {
    std::vector<Trained> ranks(size);
    RunRanks(size, [&](Team* team) {
      ranks[team->rank()] =
          Train(variant, 1, team, /*batch_norm_per_rank=*/false, /*compress=*/true);
    });
    ExpectNear(ranks[0], alone, 1e-3);
    EXPECT_NE(ranks[0].losses, alone.losses);
    for (size_t i = 0; i < alone.state.size(); ++i) {
      EXPECT_TRUE(ranks[size - 1].state[i].tensor.equal(ranks[0].state[i].tensor))
          << alone.state[i].name;
    }
  }
}

TEST(RanksBatchNormTest, PerRankItSeesTheOwnRowsAndParametersStayEqual) {
  const Variant variant = {"simclr", AllConditioningCases()[0]};
  const Trained alone = Train(variant, 1, nullptr);
  std::vector<Trained> ranks(2);
  RunRanks(2, [&](Team* team) {
    ranks[team->rank()] = Train(variant, 1, team, /*batch_norm_per_rank=*/true);
  });
  EXPECT_NE(ranks[0].losses, alone.losses);
  EXPECT_EQ(ranks[0].losses, ranks[1].losses);
  for (size_t i = 0; i < alone.state.size(); ++i) {
    const bool of_own_rows = absl::StrContains(alone.state[i].name, "running_");
    EXPECT_EQ(ranks[0].state[i].tensor.equal(ranks[1].state[i].tensor), !of_own_rows)
        << alone.state[i].name;
  }
}

// Plain and by the first way of conditioning; the other ways differ within the projector alone,
// which does not know of ranks: one method has them all.
std::vector<Variant> Chosen() {
  const auto cases = AllConditioningCases();
  std::vector<Variant> chosen;
  for (const Variant& variant : AllVariants()) {
    const std::string& conditioning = variant.conditioning.name;
    if (variant.method == "moco_v2" || conditioning == cases[0].name ||
        (conditioning == cases[1].name && !variant.augself)) {
      chosen.push_back(variant);
    }
  }
  return chosen;
}

INSTANTIATE_TEST_SUITE_P(Methods, RanksTest, ::testing::ValuesIn(Chosen()),
                         ::testing::PrintToStringParamName());

TEST(RowsOnRankTest, PartsAreSharedOneByOne) {
  EXPECT_THAT(RowsOnRank(8, 2, 0, 2), ::testing::ElementsAre(0, 1, 4, 5));
  EXPECT_THAT(RowsOnRank(8, 2, 1, 2), ::testing::ElementsAre(2, 3, 6, 7));
  EXPECT_THAT(RowsOnRank(8, 2, 2, 3), ::testing::ElementsAre(2, 3, 6, 7));
}

}  // namespace
}  // namespace cassle
