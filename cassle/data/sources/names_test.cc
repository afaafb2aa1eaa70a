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

TEST(NamesTest, OrdinaryNamesStayAsTheyAre) {
  for (const char* name : {"dog/1.png", "shopping mall.jpg", "a,b;c\"d", "100%25.jpg", kComposed,
                           kDecomposed, "C:\\new\\x.png", "\xF0\x9F\x90\xB6"}) {
    EXPECT_EQ(EscapedName(name), name);
  }
}

TEST(NamesTest, OtherBytesAndControlCharactersAreEscaped) {
  EXPECT_EQ(EscapedName("caf\xE9.png"), "caf\\xE9.png");
  EXPECT_EQ(EscapedName("two\nlines\x7F"), "two\\x0Alines\\x7F");
  // A surrogate and the slash in two bytes are not UTF-8 either.
  EXPECT_EQ(EscapedName("\xED\xA0\x80\xC0\xAF"), "\\xED\\xA0\\x80\\xC0\\xAF");
}

TEST(NamesTest, NoTwoNamesBecomeTheSame) {
  EXPECT_EQ(EscapedName("caf\\xE9.png"), "caf\\x5CxE9.png");
  for (const std::string& name :
       {std::string("caf\xE9"), std::string("caf\\xE9"), std::string("caf\\x5CxE9"),
        std::string("\\\\xE9"), std::string("\\x5C"), std::string("\\\xE9"), std::string("\\x"),
        std::string("a\0b", 3)}) {
    EXPECT_EQ(UnescapedName(EscapedName(name)), name) << EscapedName(name);
  }
}

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

TEST(NamesTest, OneClassNameInTwoFormsIsAnError) {
  Tally tally;
  EXPECT_THAT(CheckClassNames({"dog", kComposed, kDecomposed}, &tally),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(kDecomposed), HasSubstr("two forms of Unicode"))));
}

}  // namespace
}  // namespace cassle
