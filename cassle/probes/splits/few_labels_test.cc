#include "cassle/probes/splits/few_labels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "cassle/base/testing/status_matchers.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

// 60 rows of class 0, 30 of class 1, 3 of class 3; none of class 2; 7 without a label.
std::vector<int> Labels() {
  std::vector<int> labels(60, 0);
  labels.insert(labels.end(), 30, 1);
  labels.insert(labels.end(), 3, 3);
  labels.insert(labels.end(), 7, -1);
  return labels;
}

std::map<int, int> Count(const std::vector<int64_t>& rows) {
  std::map<int, int> counts;
  for (int64_t row : rows) ++counts[Labels()[row]];
  return counts;
}

TEST(FewLabelsTest, EveryClassKeepsItsPartAndAtLeastOneRow) {
  ASSERT_OK_AND_ASSIGN(const auto rows, ChooseFewLabels(Labels(), {.fraction = 0.1}));
  EXPECT_EQ(Count(rows), (std::map<int, int>{{0, 6}, {1, 3}, {3, 1}}));
  EXPECT_TRUE(std::is_sorted(rows.begin(), rows.end()));
  // 3.6, 1.8 and 0.18 rows.
  ASSERT_OK_AND_ASSIGN(const auto rounded, ChooseFewLabels(Labels(), {.fraction = 0.06}));
  EXPECT_EQ(Count(rounded), (std::map<int, int>{{0, 4}, {1, 2}, {3, 1}}));
  ASSERT_OK_AND_ASSIGN(const auto all, ChooseFewLabels(Labels(), {}));
  EXPECT_EQ(all.size(), 93u);
  ASSERT_OK_AND_ASSIGN(const auto three, ChooseFewLabels(Labels(), {.per_class = 3}));
  EXPECT_EQ(Count(three), (std::map<int, int>{{0, 3}, {1, 3}, {3, 3}}));
}

TEST(FewLabelsTest, SeedsDifferAndFewAreAmongMany) {
  ASSERT_OK_AND_ASSIGN(const auto few, ChooseFewLabels(Labels(), {.fraction = 0.1, .seed = 1}));
  ASSERT_OK_AND_ASSIGN(const auto many, ChooseFewLabels(Labels(), {.fraction = 0.5, .seed = 1}));
  ASSERT_OK_AND_ASSIGN(const auto other, ChooseFewLabels(Labels(), {.fraction = 0.1, .seed = 2}));
  EXPECT_TRUE(std::includes(many.begin(), many.end(), few.begin(), few.end()));
  EXPECT_NE(few, other);
}

TEST(FewLabelsTest, RefusesWhatThereIsNot) {
  EXPECT_THAT(ChooseFewLabels(Labels(), {.per_class = 4}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("class 3 has 3")));
  EXPECT_THAT(ChooseFewLabels(Labels(), {.per_class = 4, .class_names = {"a", "b", "c", "d"}}),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("class d has 3 labelled images to learn from")));
  EXPECT_THAT(ChooseFewLabels({-1, -1}, {}),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("no image has a label")));
  EXPECT_THAT(ChooseFewLabels(Labels(), {.fraction = 0.5, .per_class = 2}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("exclude each other")));
}

}  // namespace
}  // namespace cassle
