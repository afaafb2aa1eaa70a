#include "cassle/ssl/training/computed_by.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const c10::Device kProcessor(c10::kCPU);
const c10::Device kGpu(c10::kCUDA, 1);

TEST(ComputedByTest, NamesProcessesAndKindOfDevice) {
  EXPECT_EQ(DescribePlace(1, kProcessor), "one process on the processor");
  EXPECT_EQ(DescribePlace(4, kProcessor), "4 ranks on the processor");
  EXPECT_EQ(DescribePlace(1, kGpu), "one process on cuda");
  EXPECT_EQ(DescribePlace(2, kGpu), "2 ranks on cuda");
}

// Checkpoints of usual runs have the bytes they always had.
TEST(ComputedByTest, OneProcessOnTheProcessorIsNotNamed) {
  v1::TrainState state;
  AddPlace(DescribePlace(1, kProcessor), &state);
  EXPECT_EQ(LastPlace(state), "");
  state.set_step(5);
  AddPlace(DescribePlace(1, kProcessor), &state);
  EXPECT_THAT(state.computed_by(), IsEmpty());
  EXPECT_EQ(LastPlace(state), "one process on the processor");
  EXPECT_EQ(ComputedBySentence(state), "");
}

TEST(ComputedByTest, ARunThatStaysNamesItsPlaceOnce) {
  v1::TrainState state;
  AddPlace(DescribePlace(4, kProcessor), &state);
  state.set_step(5);
  AddPlace(DescribePlace(4, kProcessor), &state);
  EXPECT_THAT(state.computed_by(), ElementsAre("4 ranks on the processor"));
  EXPECT_EQ(ComputedBySentence(state),
            "computed by 4 ranks on the processor: last bits depend on that");
}

TEST(ComputedByTest, ARunThatMovesNamesAllPlaces) {
  v1::TrainState state;
  AddPlace(DescribePlace(1, kProcessor), &state);
  state.set_step(5);
  AddPlace(DescribePlace(1, kGpu), &state);
  state.set_step(9);
  EXPECT_EQ(LastPlace(state), "one process on cuda");
  AddPlace(DescribePlace(1, kProcessor), &state);
  EXPECT_EQ(ComputedBySentence(state),
            "computed by one process on the processor, then by one process on cuda, then by one "
            "process on the processor: last bits are those of none of them alone");
}

}  // namespace
}  // namespace cassle
