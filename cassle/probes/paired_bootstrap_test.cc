#include "cassle/probes/paired_bootstrap.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "cassle/base/philox.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

// Of `images` the first `gained` are right with the treatment only, the next `lost` without only.
PairedRun RunOf(int images, int gained, int lost) {
  PairedRun run{std::vector<int8_t>(images, 1), std::vector<int8_t>(images, 1)};
  for (int i = 0; i < gained; ++i) run.plain[i] = 0;
  for (int i = gained; i < gained + lost; ++i) run.treated[i] = 0;
  return run;
}

TEST(PairedBootstrapTest, EqualAnswersDifferByNothingForSure) {
  PairedRun run = RunOf(100, 0, 0);
  for (int i = 0; i < 40; ++i) run.treated[i] = run.plain[i] = 0;
  const DifferenceInterval interval = PairedBootstrap({run, run});
  EXPECT_EQ(interval.mean, 0);
  EXPECT_EQ(interval.low, 0);
  EXPECT_EQ(interval.high, 0);
}

// The mean of n differences in {-1, 0, 1} is nearly normal, with variance (g + l - (g - l)^2) / n
// of the parts gained and lost.
TEST(PairedBootstrapTest, OfOneSeedTheIntervalIsThatOfTheMeanOfPairedDifferences) {
  const int n = 2000, gained = 300, lost = 200;
  const double mean = 0.05, deviation = std::sqrt((0.25 - mean * mean) / n);
  BootstrapSettings settings;
  settings.resamples = 4000;
  const DifferenceInterval interval = PairedBootstrap({RunOf(n, gained, lost)}, settings);
  EXPECT_DOUBLE_EQ(interval.mean, mean);
  // An end found from 4,000 resamples has a standard error of sqrt(p (1 - p) / 4000) / density =
  // 0.042 deviations; four of them, and half a step of 1 / n (0.02 deviations).
  EXPECT_NEAR(interval.low, mean - 1.96 * deviation, 0.19 * deviation);
  EXPECT_NEAR(interval.high, mean + 1.96 * deviation, 0.19 * deviation);
}

// Two encoders that are wrong on the same images: without the pairing the interval would be that of
// two accuracies, ten times as wide here.
TEST(PairedBootstrapTest, WhatIsHardForBothDoesNotWidenTheInterval) {
  PairedRun run = RunOf(1000, 5, 0);
  for (int i = 500; i < 1000; ++i) run.treated[i] = run.plain[i] = 0;
  const DifferenceInterval interval = PairedBootstrap({run});
  EXPECT_DOUBLE_EQ(interval.mean, 0.005);
  EXPECT_GE(interval.low, 0);
  EXPECT_LT(interval.high - interval.low, 0.012);
}

// All images alike, so only the seeds vary: means of three draws out of {-1, 0, 1}, stretched by
// sqrt(3/2). The smallest has probability 1/27 = 3.7 %, more than the 2.5 % of an end.
TEST(PairedBootstrapTest, SeedsThatDisagreeWidenTheInterval) {
  const int n = 50;
  const std::vector<PairedRun> runs = {RunOf(n, n, 0), RunOf(n, 0, 0), RunOf(n, 0, n)};
  const DifferenceInterval interval = PairedBootstrap(runs);
  EXPECT_EQ(interval.mean, 0);
  // sqrt(3/2), but accuracies cannot differ by more than 1.
  EXPECT_EQ(interval.low, -1);
  EXPECT_EQ(interval.high, 1);
  BootstrapSettings middle;
  // P(mean = 0) = 7/27, P(|mean| <= 1/3) = 19/27: quarters of the distribution end at 1/3.
  middle.confidence = 0.5;
  EXPECT_DOUBLE_EQ(PairedBootstrap(runs, middle).high, std::sqrt(1.5) / 3);
}

// Of `sets` experiments whose runs differ by a normal number with deviation 1/4 and mean 0, how
// many have an interval that holds the mean. The images add a seventh of that deviation.
double Coverage(int num_runs, int sets) {
  BootstrapSettings settings;
  settings.resamples = 400;
  int held = 0;
  for (int set = 0; set < sets; ++set) {
    Philox random(StreamKey{23, RandomDomain::kTest, static_cast<uint64_t>(set)});
    std::vector<PairedRun> runs;
    for (int r = 0; r < num_runs; ++r) {
      // Box and Muller.
      const double normal = std::sqrt(-2 * std::log(1 - random.NextDouble())) *
                            std::cos(2 * std::acos(-1) * random.NextDouble());
      const int difference = static_cast<int>(std::lround(std::clamp(50 * normal, -200.0, 200.0)));
      runs.push_back(RunOf(200, std::max(difference, 0), std::max(-difference, 0)));
    }
    const DifferenceInterval interval = PairedBootstrap(runs, settings);
    held += interval.low <= 0 && 0 <= interval.high;
  }
  return static_cast<double>(held) / sets;
}

// Without the stretch 75 and 51 % of the intervals held it.
TEST(PairedBootstrapTest, FewSeedsHoldTheTruthAsOftenAsDocumented) {
  // A standard error of 2 points, and some points more for the noise of the images.
  EXPECT_GT(Coverage(3, 400), 0.79);
  EXPECT_GT(Coverage(2, 400), 0.58);
}

TEST(PairedBootstrapTest, TheIntervalHoldsTheTruthAsOftenAsItSays) {
  const int sets = 400, n = 200;
  BootstrapSettings settings;
  settings.resamples = 400;
  int held = 0;
  for (int set = 0; set < sets; ++set) {
    Philox random(StreamKey{17, RandomDomain::kTest, static_cast<uint64_t>(set)});
    PairedRun run = RunOf(n, 0, 0);
    // Truth: 0.2 - 0.1.
    for (int i = 0; i < n; ++i) {
      const double u = random.NextDouble();
      if (u < 0.2) run.plain[i] = 0;
      if (u >= 0.9) run.treated[i] = 0;
    }
    const DifferenceInterval interval = PairedBootstrap({run}, settings);
    held += interval.low <= 0.1 && 0.1 <= interval.high;
  }
  // 95 % of 400, four standard deviations of 4.4, and a point below for 200 images and 400
  // resamples.
  EXPECT_NEAR(held, 378, 20);
}

TEST(PairedBootstrapTest, EqualArgumentsGiveEqualIntervalsAndAnotherSeedAnother) {
  const std::vector<PairedRun> runs = {RunOf(500, 70, 20), RunOf(500, 40, 30)};
  const DifferenceInterval one = PairedBootstrap(runs), two = PairedBootstrap(runs);
  EXPECT_EQ(one.low, two.low);
  EXPECT_EQ(one.high, two.high);
  BootstrapSettings other;
  other.seed = 1;
  const DifferenceInterval three = PairedBootstrap(runs, other);
  EXPECT_EQ(one.mean, three.mean);
  EXPECT_TRUE(one.low != three.low || one.high != three.high);
}

}  // namespace
}  // namespace cassle
