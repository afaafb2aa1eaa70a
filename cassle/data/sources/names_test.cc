#include "cassle/data/sources/names.h"

#include <algorithm>
#include <string>
#include <vector>

#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr char kComposed[] = "caf\xC3\xA9";
constexpr char kDecomposed[] = "cafe\xCC\x81";

TEST(NamesTest, TheNormalFormIsTheSameForAllEncodingsOfAWord) {
  EXPECT_EQ(NormalForm(kDecomposed), kComposed);
  EXPECT_EQ(NormalForm(kComposed), kComposed);
  EXPECT_EQ(NormalForm("caf\xE9"), "caf\xE9");
  EXPECT_EQ(NormalForm("Dog"), "Dog");
}

TEST(NamesTest, NaturalOrderGoesByTheValueOfNumbers) {
  std::vector<std::string> names = {"10", "2", "a10b", "1", "a2b", "a2", "x", "02", "0010", "a"};
  std::sort(names.begin(), names.end(), NaturalLess);
  EXPECT_THAT(names, ElementsAre("1", "02", "2", "0010", "10", "a", "a2", "a2b", "a10b", "x"));
}

TEST(NamesTest, ClassesThatDifferInCaseAloneAreCounted) {
  Tally tally;
  ASSERT_OK(CheckClassNames({"Cat",
                             "Stra\xC3\x9F"
                             "e",
                             "cat", "dog", "STRASSE"},
                            &tally));
  const auto& entry = tally.entries().at("classes whose name differs from another's in case alone");
  EXPECT_THAT(entry.names, ElementsAre("Cat and cat",
                                       "Stra\xC3\x9F"
                                       "e and STRASSE"));
  Tally none;
  ASSERT_OK(CheckClassNames({"cat", "dog", "cats"}, &none));
  EXPECT_THAT(none.Sentences(), IsEmpty());
}

TEST(NamesTest, ClassesThatDifferInWhatNobodySeesAreCounted) {
  Tally tally;
  const std::vector<std::string> names = {"Dog",       "cat",      "cat ",    "cat\u00a0",
                                          "\u200bcat", "big  cat", "big cat", "T\u2010shirt",
                                          "t-shirt",   "\u0441at", "x2",      "x\u00b2"};
  ASSERT_OK(CheckClassNames(names, &tally));
  EXPECT_THAT(tally.entries()
                  .at("classes whose name differs from another's in blanks, dashes or "
                      "invisible characters alone")
                  .names,
              ElementsAre("'cat' and 'cat '", "'cat' and 'cat<U+00A0>'", "'cat' and '<U+200B>cat'",
                          "'big  cat' and 'big cat'", "'T\u2010shirt' and 't-shirt'"));
  EXPECT_EQ(tally.entries().size(), 1);
}

TEST(NamesTest, OneClassNameInTwoFormsIsAnError) {
  Tally tally;
  EXPECT_THAT(CheckClassNames({"dog", kComposed, kDecomposed}, &tally),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(kDecomposed), HasSubstr("two forms of Unicode"))));
}

}  // namespace
}  // namespace cassle
