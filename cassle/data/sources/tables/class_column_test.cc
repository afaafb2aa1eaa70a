#include "cassle/data/sources/tables/class_column.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct Settled {
  std::vector<int64_t> classes;
  std::vector<std::string> names;
  std::vector<std::string> sentences;
};

absl::StatusOr<Settled> Settle(const std::vector<std::string>& cells,
                               const std::vector<std::string>& given = {},
                               ClassColumn::Codes codes = ClassColumn::Codes::kNames,
                               v1::DatasetLayout::ClassOrder order = v1::DatasetLayout::BYTES) {
  ClassColumn column;
  for (size_t i = 0; i < cells.size(); ++i) column.Add(cells[i], absl::StrCat("f:", i + 2));
  Tally tally;
  const absl::Status status = column.Settle("label", given, codes, order, &tally);
  if (!status.ok()) return status;
  Settled settled;
  for (const std::string& cell : cells) {
    const absl::StatusOr<int64_t> index = column.Index(cell, "f:1");
    if (!index.ok()) return index.status();
    settled.classes.push_back(*index);
  }
  settled.names = column.names();
  settled.sentences = tally.Sentences();
  return settled;
}

TEST(ClassColumnTest, ANumberIsOneClassHoweverItIsWritten) {
  ASSERT_OK_AND_ASSIGN(const Settled settled, Settle({"1", "1.0", "+1", "1e0", "0", "007", "10"}));
  EXPECT_THAT(settled.classes, ElementsAre(1, 1, 1, 1, 0, 7, 10));
  EXPECT_THAT(settled.names, IsEmpty());
  EXPECT_THAT(settled.sentences, IsEmpty());
}

TEST(ClassColumnTest, CodesOfManyDigitsAreClassesOfTheirOwn) {
  // Two numbers that are one as a double.
  ASSERT_OK_AND_ASSIGN(const Settled settled,
                       Settle({"9007199254740993", "9007199254740992", "123456789012345678", "7"}));
  EXPECT_THAT(settled.names,
              ElementsAre("7", "9007199254740992", "9007199254740993", "123456789012345678"));
  EXPECT_THAT(settled.classes, ElementsAre(2, 1, 3, 0));
  EXPECT_THAT(Settle({"12345678901234567890", "7"}),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("f:2: label '12345678901234567890' has too many digits")));
}

TEST(ClassColumnTest, AmongNamesACodeKeepsItsZerosAndANumberIsStillOneClass) {
  ASSERT_OK_AND_ASSIGN(const Settled settled, Settle({"cat", "1", "1.0", "007", "7"}));
  EXPECT_THAT(settled.names, ElementsAre("007", "1", "7", "cat"));
  EXPECT_THAT(settled.classes, ElementsAre(3, 1, 1, 0, 2));
}

TEST(ClassColumnTest, NamesAreInTheOrderThatIsAskedFor) {
  const auto order = v1::DatasetLayout::NATURAL;
  ASSERT_OK_AND_ASSIGN(const Settled settled,
                       Settle({"car10", "car2", "10", "9"}, {}, ClassColumn::Codes::kNames, order));
  EXPECT_THAT(settled.names, ElementsAre("9", "10", "car2", "car10"));
  ASSERT_OK_AND_ASSIGN(const Settled numbers,
                       Settle({"10", "2"}, {}, ClassColumn::Codes::kNames, order));
  EXPECT_THAT(numbers.classes, ElementsAre(10, 2));
  EXPECT_THAT(Settle({"a"}, {"a"}, ClassColumn::Codes::kNames, order),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--class_order")));
}

TEST(ClassColumnTest, TwoFormsOfOneNameAreOneClass) {
  ASSERT_OK_AND_ASSIGN(const Settled settled, Settle({"cafe\xCC\x81", "bar", "caf\xC3\xA9"}));
  EXPECT_THAT(settled.names, ElementsAre("bar", "caf\xC3\xA9"));
  EXPECT_THAT(settled.classes, ElementsAre(1, 0, 1));
  EXPECT_THAT(settled.sentences, ElementsAre(HasSubstr("1 classes joined")));
  ASSERT_OK_AND_ASSIGN(const Settled given, Settle({"cafe\xCC\x81"}, {"bar", "caf\xC3\xA9"}));
  EXPECT_THAT(given.classes, ElementsAre(1));
}

TEST(ClassColumnTest, EmptyCellsNanAndWordsForNothingAreNoClassAmongNumbers) {
  ASSERT_OK_AND_ASSIGN(const Settled settled,
                       Settle({"1", "", "nan", "NaN", "-1", "-1.0", "NA", "None", "null", "0"}));
  EXPECT_THAT(settled.classes, ElementsAre(1, -1, -1, -1, -1, -1, -1, -1, -1, 0));
}

TEST(ClassColumnTest, AmongNamesAWordForNothingMayBeAClassAndThatIsSaid) {
  ASSERT_OK_AND_ASSIGN(const Settled settled, Settle({"NA", "EU", "nan", ""}));
  EXPECT_THAT(settled.names, ElementsAre("EU", "NA"));
  EXPECT_THAT(settled.classes, ElementsAre(1, 0, -1, -1));
  EXPECT_THAT(settled.sentences, ElementsAre(HasSubstr("'NA' is taken for a class")));
}

TEST(ClassColumnTest, SparseNumbersAreCodesAndThatIsSaid) {
  ASSERT_OK_AND_ASSIGN(const Settled settled, Settle({"900", "1", "900.0", "1"}));
  EXPECT_THAT(settled.names, ElementsAre("1", "900"));
  EXPECT_THAT(settled.classes, ElementsAre(1, 0, 1, 0));
  EXPECT_THAT(settled.sentences, ElementsAre(HasSubstr("2 numbers up to 900 are taken for codes")));
  ASSERT_OK_AND_ASSIGN(const Settled numbers,
                       Settle({"900", "1"}, {}, ClassColumn::Codes::kNumbers));
  EXPECT_THAT(numbers.classes, ElementsAre(900, 1));
  // A few images of a usual data set keep their numbers.
  ASSERT_OK_AND_ASSIGN(const Settled few, Settle({"3", "97"}));
  EXPECT_THAT(few.classes, ElementsAre(3, 97));
}

TEST(ClassColumnTest, GivenNamesDecideFirst) {
  ASSERT_OK_AND_ASSIGN(const Settled words, Settle({"dog", "cat"}, {"dog", "cat", "cow"}));
  EXPECT_THAT(words.classes, ElementsAre(0, 1));
  EXPECT_THAT(words.names, ElementsAre("dog", "cat", "cow"));
  ASSERT_OK_AND_ASSIGN(const Settled codes, Settle({"900", "1.0"}, {"1", "900"}));
  EXPECT_THAT(codes.classes, ElementsAre(1, 0));
  ASSERT_OK_AND_ASSIGN(const Settled numbers, Settle({"0", "2"}, {"dog", "cat", "cow"}));
  EXPECT_THAT(numbers.classes, ElementsAre(0, 2));
  ASSERT_OK_AND_ASSIGN(const Settled both, Settle({"0", "cat"}, {"dog", "cat"}));
  EXPECT_THAT(both.classes, ElementsAre(0, 1));
  // 0 is no name, so 1 is not meant as one.
  ASSERT_OK_AND_ASSIGN(const Settled from_zero, Settle({"0", "1"}, {"1", "2"}));
  EXPECT_THAT(from_zero.classes, ElementsAre(0, 1));
  EXPECT_THAT(Settle({"dog", "fish"}, {"dog"}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("f:1: 'fish' is not among")));
}

TEST(ClassColumnTest, NumbersThatAreNoClassesAreNamedWithTheRemedy) {
  EXPECT_THAT(Settle({"1", "2.5"}),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("f:3: label '2.5' is no class: classes are whole "
                                 "numbers from 0, or names; ")));
  EXPECT_THAT(Settle({"-2", "1"}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("f:2: label '-2' is no class")));
  EXPECT_THAT(Settle({"1", "1e300"}), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("f:3")));
}

}  // namespace
}  // namespace cassle
