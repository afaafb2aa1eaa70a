#include "cassle/base/escaped_name.h"

#include <string>

#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(EscapedNameTest, OrdinaryNamesStayAsTheyAre) {
  for (const char* name : {"dog/1.png", "shopping mall.jpg", "a,b;c\"d", "100%25.jpg",
                           "caf\xC3\xA9", "cafe\xCC\x81", "C:\\new\\x.png", "\xF0\x9F\x90\xB6"}) {
    EXPECT_EQ(EscapedName(name), name);
    EXPECT_EQ(OneLine(name), name);
  }
}

TEST(EscapedNameTest, OtherBytesAndControlCharactersAreEscaped) {
  EXPECT_EQ(EscapedName("caf\xE9.png"), "caf\\xE9.png");
  EXPECT_EQ(EscapedName("two\nlines\x7F"), "two\\x0Alines\\x7F");
  // A surrogate and the slash in two bytes are not UTF-8 either.
  EXPECT_EQ(EscapedName("\xED\xA0\x80\xC0\xAF"), "\\xED\\xA0\\x80\\xC0\\xAF");
}

TEST(EscapedNameTest, NoTwoNamesBecomeTheSame) {
  EXPECT_EQ(EscapedName("caf\\xE9.png"), "caf\\x5CxE9.png");
  for (const std::string& name :
       {std::string("caf\xE9"), std::string("caf\\xE9"), std::string("caf\\x5CxE9"),
        std::string("\\\\xE9"), std::string("\\x5C"), std::string("\\\xE9"), std::string("\\x"),
        std::string("a\0b", 3)}) {
    EXPECT_EQ(UnescapedName(EscapedName(name)), name) << EscapedName(name);
  }
}

TEST(EscapedNameTest, ASentenceKeepsEscapedNamesAndLosesLineEnds) {
  EXPECT_EQ(OneLine("'caf\\xE9' and\r\n\x1B[1m'\xE9'"), "'caf\\xE9' and\\x0D\\x0A\\x1B[1m'\\xE9'");
}

}  // namespace
}  // namespace cassle
