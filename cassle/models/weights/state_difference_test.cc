#include "cassle/models/weights/state_difference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TensorSignature Tensor(const std::string& name, std::vector<int64_t> shape) {
  return {name, DType::kF32, std::move(shape)};
}

TEST(StateDifferenceTest, EqualSetsInAnyOrderHaveNone) {
  EXPECT_EQ(
      DescribeDifference({Tensor("a", {1}), Tensor("b", {})}, {Tensor("b", {}), Tensor("a", {1})}),
      "");
  EXPECT_EQ(DescribeDifference({}, {}), "");
}

TEST(StateDifferenceTest, EveryKindIsListedWithItsNumber) {
  EXPECT_EQ(
      DescribeDifference({Tensor("a", {3}), Tensor("b", {1}), Tensor("c", {2, 2})},
                         {Tensor("a", {2}), Tensor("c", {2, 2}), Tensor("d", {})}),
      "1 missing: b; 1 unexpected: d; 1 of another shape or type: a is [2] and should be [3]");
  EXPECT_EQ(DescribeDifference({Tensor("n", {})}, {{"n", DType::kI64, {}}}),
            "1 of another shape or type: n is I64 [] and should be F32 []");
}

TEST(StateDifferenceTest, HundredsOfNamesStayShort) {
  std::vector<TensorSignature> expected;
  for (int i = 0; i < 300; ++i) expected.push_back(Tensor(absl::StrCat("t", i), {1}));
  EXPECT_THAT(DescribeDifference(expected, {}),
              AllOf(HasSubstr("300 missing: t0, t1, "), HasSubstr("t7 and 292 more"),
                    Not(HasSubstr("t8"))));
}

TEST(StateDifferenceTest, TheLikelyReasonIsNamed) {
  const auto reason = [](const TensorSignature& expected, const TensorSignature& found) {
    return DescribeDifference({expected}, {found});
  };
  EXPECT_THAT(reason(Tensor("backbone.conv1.weight", {64, 3, 3, 3}),
                     Tensor("backbone.conv1.weight", {64, 3, 7, 7})),
              HasSubstr("Likely another stem"));
  EXPECT_THAT(reason(Tensor("layer1.0.conv1.weight", {64, 64, 3, 3}),
                     Tensor("layer1.0.conv1.weight", {32, 32, 3, 3})),
              HasSubstr("Likely another width"));
  EXPECT_THAT(reason(Tensor("projector.mlp.0.weight", {64, 96}),
                     Tensor("projector.mlp.0.weight", {64, 64})),
              HasSubstr("Likely another conditioning"));
  EXPECT_THAT(reason(Tensor("layer1.0.conv3.weight", {1}), Tensor("blocks.0.norm1.weight", {1})),
              HasSubstr("Likely another architecture"));
  EXPECT_THAT(reason(Tensor("pos_embed", {1, 65, 192}), Tensor("pos_embed", {1, 197, 192})),
              HasSubstr("Likely another patch size, image size or width"));
  // The type alone says nothing.
  EXPECT_THAT(reason(Tensor("layer1.0.bn1.weight", {1}), {"layer1.0.bn1.weight", DType::kI64, {1}}),
              Not(HasSubstr("Likely")));
}

}  // namespace
}  // namespace cassle
