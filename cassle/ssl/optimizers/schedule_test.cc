#include "cassle/ssl/optimizers/schedule.h"

#include <string>

#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(CosineLearningRateTest, EqualsTheAuthorsSchedule) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("schedules.safetensors"));
  const int64_t epochs = std::stoll(golden.Metadata("max_epochs"));
  const double initial = ScaledLearningRate(std::stod(golden.Metadata("base_lr")),
                                            std::stoll(golden.Metadata("batch_size")));
  for (const char* name : {"simclr.lr", "moco.lr", "byol.lr"}) {
    ASSERT_OK_AND_ASSIGN(const TensorView rates, golden.Get(name, DType::kF64, 2));
    ASSERT_EQ(rates.shape[0], epochs);
    for (int64_t epoch = 0; epoch < epochs; ++epoch) {
      // They chain the cosine from epoch to epoch, which adds rounding errors: 1e-12 of the initial
      // rate.
      EXPECT_NEAR(CosineLearningRate(initial, epoch, epochs), rates.values<double>()[epoch],
                  1e-12 * initial)
          << name << " epoch " << epoch;
    }
  }
}

// base_lr is per 256 images.
v1::TrainingConfig FullRate(double rate, int epochs) {
  v1::TrainingConfig training;
  training.set_base_lr(rate);
  training.set_batch_size(256);
  training.set_epochs(epochs);
  return training;
}

TEST(LearningRateAtTest, EqualsTheAuthorsSchedules) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("schedules.safetensors"));
  const int64_t epochs = std::stoll(golden.Metadata("max_epochs"));
  const double initial = ScaledLearningRate(std::stod(golden.Metadata("base_lr")),
                                            std::stoll(golden.Metadata("batch_size")));
  struct Schedule {
    std::string name;
    int64_t warmup;
    // Of the second group; 0 where its rate is constant.
    double scale;
  };
  for (const auto& [name, warmup, scale] :
       {Schedule{"barlow_twins.lr", std::stoll(golden.Metadata("warmup_barlow")),
                 std::stod(golden.Metadata("bias_lr_scale_barlow"))},
        Schedule{"mocov3.lr", std::stoll(golden.Metadata("warmup_mocov3")), 1},
        Schedule{"simsiam.lr", 0, 0}}) {
    ASSERT_OK_AND_ASSIGN(const TensorView rates, golden.Get(name, DType::kF64, 2));
    ASSERT_EQ(rates.shape[0], epochs);
    v1::TrainingConfig training = FullRate(initial, static_cast<int>(epochs));
    training.set_warmup_epochs(static_cast<int>(warmup));
    for (int64_t epoch = 0; epoch < epochs; ++epoch) {
      const double rate = LearningRateAt(training, epoch);
      // As above.
      const double* theirs = rates.values<double>().data() + epoch * rates.shape[1];
      EXPECT_NEAR(rate, theirs[0], 1e-12 * initial) << name << " epoch " << epoch;
      if (rates.shape[1] < 2) continue;
      EXPECT_NEAR(scale > 0 ? scale * rate : initial, theirs[1], 1e-12 * initial)
          << name << " epoch " << epoch;
    }
  }
}

TEST(LearningRateAtTest, RisesInEqualStepsAndNeedsNoCosine) {
  v1::TrainingConfig training = FullRate(1, /*epochs=*/2);
  training.set_warmup_epochs(4);
  EXPECT_DOUBLE_EQ(LearningRateAt(training, 0), 0.25);
  EXPECT_DOUBLE_EQ(LearningRateAt(training, 1), 0.4375);
  EXPECT_DOUBLE_EQ(LearningRateAt(training, 1.5), 0.53125);
  // It ends with the run: nothing is left to fall.
  training.set_epochs(4);
  EXPECT_DOUBLE_EQ(LearningRateAt(training, 4), 1);
  training.set_epochs(8);
  EXPECT_DOUBLE_EQ(LearningRateAt(training, 4), 1);
  EXPECT_DOUBLE_EQ(LearningRateAt(training, 6), 0.5);
  EXPECT_NEAR(LearningRateAt(training, 8), 0, 1e-15);
}

TEST(LearningRateAtTest, StaysOrFallsInSteps) {
  v1::TrainingConfig training = FullRate(1, /*epochs=*/8);
  training.set_warmup_epochs(2);
  training.add_step_epochs(4);
  training.add_step_epochs(6);
  training.set_step_factor(0.1);
  training.set_schedule(v1::CONSTANT);
  EXPECT_DOUBLE_EQ(LearningRateAt(training, 0), 0.5);
  EXPECT_DOUBLE_EQ(LearningRateAt(training, 7), 1);
  training.set_schedule(v1::STEP);
  EXPECT_DOUBLE_EQ(LearningRateAt(training, 3.9), 1);
  EXPECT_DOUBLE_EQ(LearningRateAt(training, 4), 0.1);
  EXPECT_DOUBLE_EQ(LearningRateAt(training, 7), 0.01);
}

TEST(CosineMomentumTest, EqualsTheAuthorsByolMomentum) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("schedules.safetensors"));
  ASSERT_OK_AND_ASSIGN(const TensorView momenta, golden.Get("byol_momentum", DType::kF64, 1));
  const int64_t epochs = momenta.shape[0];
  for (int64_t epoch = 0; epoch < epochs; ++epoch) {
    EXPECT_NEAR(CosineMomentum(0.996, 1, static_cast<double>(epoch) / epochs),
                momenta.values<double>()[epoch], 1e-15);
  }
  EXPECT_EQ(CosineMomentum(0.999, 0.999, 0.3), 0.999);
}

TEST(CosineLearningRateTest, StartsFullAndIsHalfInTheMiddle) {
  EXPECT_DOUBLE_EQ(CosineLearningRate(0.4, 0, 10), 0.4);
  EXPECT_DOUBLE_EQ(CosineLearningRate(0.4, 5, 10), 0.2);
  EXPECT_DOUBLE_EQ(ScaledLearningRate(0.03, 512), 0.06);
}

}  // namespace
}  // namespace cassle
