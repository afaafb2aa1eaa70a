#include "cassle/base/text_file.h"

#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

std::string Bytes(const char* bytes, size_t size) { return std::string(bytes, size); }

TEST(TextFileTest, TheByteOrderMarkIsNoPartOfTheText) {
  ASSERT_OK_AND_ASSIGN(const std::string marked, DecodeText("\xef\xbb\xbfpath\r\n", "f"));
  EXPECT_EQ(marked, "path\r\n");
  ASSERT_OK_AND_ASSIGN(const std::string twice, DecodeText("\xef\xbb\xbf\xef\xbb\xbfpath", "f"));
  EXPECT_EQ(twice, "path");
  ASSERT_OK_AND_ASSIGN(const std::string plain, DecodeText("caf\xc3\xa9", "f"));
  EXPECT_EQ(plain, "caf\xc3\xa9");
  ASSERT_OK_AND_ASSIGN(const std::string empty, DecodeText("", "f"));
  EXPECT_EQ(empty, "");
}

TEST(TextFileTest, Utf16IsConvertedWithAndWithoutItsMarkInBothByteOrders) {
  // e acute, the euro sign, and a character of two units.
  const std::string expected = "ab,\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb1";
  const std::string little = Bytes("a\0b\0,\0\xe9\0\xac\x20\x3d\xd8\x31\xdc", 14);
  const std::string big = Bytes("\0a\0b\0,\0\xe9\x20\xac\xd8\x3d\xdc\x31", 14);
  for (const std::string& bytes : {"\xff\xfe" + little, "\xfe\xff" + big}) {
    ASSERT_OK_AND_ASSIGN(const std::string text, DecodeText(bytes, "f"));
    EXPECT_EQ(text, expected);
  }
  for (const std::string& bytes : {Bytes("p\0a\0t\0h\0", 8), Bytes("\0p\0a\0t\0h", 8)}) {
    ASSERT_OK_AND_ASSIGN(const std::string text, DecodeText(bytes, "f"));
    EXPECT_EQ(text, "path");
  }
}

TEST(TextFileTest, WhatIsNoUnicodeIsRefusedWithFileLineAndRemedy) {
  const struct {
    std::string bytes;
    const char* message;
  } cases[] = {
      {"a\nb\ncaf\xe9.png\n", "f:3: the byte 0xE9 is no UTF-8: save it as UTF-8"},
      {"\xc0\xaf", "f:1: the byte 0xC0"},
      {"\xed\xa0\x80", "f:1: the byte 0xED"},
      {"\xf4\x90\x80\x80", "f:1: the byte 0xF4"},
      {"\xe2\x82", "f:1: the byte 0xE2"},
      {Bytes("ab\0c", 4), "f:1: a zero byte: it is no text"},
      {Bytes("\xff\xfe\0\0a\0\0\0", 8), "f: UTF-32 is not read"},
      {Bytes("\xff\xfe\x3d\xd8", 4), "f: not sound UTF-16 (half a character)"},
      {Bytes("\xff\xfe\x31\xdc", 4), "f: not sound UTF-16 (half a character)"},
      {Bytes("\xfe\xff\0a\0", 5), "f: not sound UTF-16 (an odd number of bytes)"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(DecodeText(c.bytes, "f"),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(c.message)));
  }
}

TEST(TextFileTest, BlanksThatNobodySeesAreBlanks) {
  EXPECT_EQ(StripBlanks(" \xc2\xa0 cat \xe2\x80\x8b\t"), "cat");
  EXPECT_EQ(StripBlanks("\xef\xbb\xbf"
                        "a\xc2\xa0"
                        "b"),
            "a\xc2\xa0"
            "b");
  EXPECT_EQ(StripBlanks("\xe3\x80\x80\xc2\xa0"), "");
  EXPECT_EQ(StripBlanks("\xc3\xa9\xa0"), "\xc3\xa9\xa0");
}

TEST(TextFileTest, AFileIsReadAsItsText) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/marked.txt");
  ASSERT_OK(WriteFile(path, "\xef\xbb\xbfone\n"));
  ASSERT_OK_AND_ASSIGN(const std::string text, ReadTextFile(path));
  EXPECT_EQ(text, "one\n");
  EXPECT_THAT(ReadTextFile("missing.txt"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing.txt")));
}

}  // namespace
}  // namespace cassle
