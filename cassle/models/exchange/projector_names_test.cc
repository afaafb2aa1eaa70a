#include "cassle/models/exchange/projector_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace cassle {
namespace {

using ::testing::IsEmpty;

WeightArray Array(const std::string& name, std::vector<int64_t> shape) {
  return {name, DType::kF32, std::move(shape), ""};
}

TEST(ProjectorNamesTest, TheAuthorsProjectorsAreFoundWhereTheyFit) {
  const std::vector<WeightArray> cassle = {Array("backbone.conv1.weight", {64, 3, 7, 7}),
                                           Array("projector.aug_processor.0.weight", {16, 13}),
                                           Array("projector.aug_processor.1.weight", {16}),
                                           Array("projector.aug_processor.3.weight", {24, 16}),
                                           Array("projector.projector.0.weight", {512, 536}),
                                           Array("projector.projector.3.weight", {128, 512})};
  const auto found = FindProjector("backbone.", cassle, 512);
  ASSERT_EQ(found.size(), 5u);
  EXPECT_EQ(found[0].name, "conditioner.0.weight");
  EXPECT_EQ(found[3].name, "mlp.0.weight");
  EXPECT_EQ(found[4].array, &cassle[5]);
  EXPECT_THAT(FindProjector("backbone.", cassle, 2048), IsEmpty());
  EXPECT_THAT(FindProjector("", cassle, 512), IsEmpty());
  const std::vector<WeightArray> augself = {Array("projector.0.weight", {512, 512}),
                                            Array("projector.3.weight", {128, 512})};
  const auto plain = FindProjector("backbone.", augself, 512);
  ASSERT_EQ(plain.size(), 2u);
  EXPECT_EQ(plain[0].name, "mlp.0.weight");
  const std::vector<WeightArray> broken = {Array("projector.0.weight", {512, 512}),
                                           Array("projector.3.weight", {128, 256})};
  EXPECT_THAT(FindProjector("backbone.", broken, 512), IsEmpty());
}

}  // namespace
}  // namespace cassle
