#include "cassle/base/csv.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(CsvTest, CellsMayBeQuotedAndWhiteSpaceAroundThemIsDropped) {
  ASSERT_OK_AND_ASSIGN(const CsvTable table, ParseCsv("path, label ,note\n"
                                                      "a.png,\"a, \"\"b\"\"\",\t\" kept \" \n"
                                                      ",two words,\n",
                                                      "list.csv"));
  EXPECT_THAT(table.header.cells, ElementsAre("path", "label", "note"));
  ASSERT_EQ(table.rows.size(), 2);
  EXPECT_THAT(table.rows[0].cells, ElementsAre("a.png", "a, \"b\"", " kept "));
  EXPECT_THAT(table.rows[1].cells, ElementsAre("", "two words", ""));
}

TEST(CsvTest, FilesOfOtherSystemsReadTheSame) {
  ASSERT_OK_AND_ASSIGN(const CsvTable table,
                       ParseCsv("\xef\xbb\xbf\"a\",b\r\n1,\"2\"\r\n\r\n3,4", "list.csv"));
  EXPECT_THAT(table.header.cells, ElementsAre("a", "b"));
  ASSERT_EQ(table.rows.size(), 2);
  EXPECT_THAT(table.rows[0].cells, ElementsAre("1", "2"));
  EXPECT_THAT(table.rows[1].cells, ElementsAre("3", "4"));
}

TEST(CsvTest, LinesMayEndAsOnAnyMachine) {
  for (const char* end : {"\n", "\r\n", "\r"}) {
    ASSERT_OK_AND_ASSIGN(
        const CsvTable table,
        ParseCsv(absl::StrCat("a,b", end, "1,\"x", end, "y\"", end, end, "3,4"), "list.csv"));
    ASSERT_EQ(table.rows.size(), 2);
    EXPECT_THAT(table.rows[0].cells, ElementsAre("1", absl::StrCat("x", end, "y")));
    EXPECT_EQ(table.Origin(table.rows[1]), "list.csv:5");
  }
}

TEST(CsvTest, Utf16ReadsAsUtf8DoesAndLatin1IsRefusedWithItsLine) {
  ASSERT_OK_AND_ASSIGN(const CsvTable table,
                       ParseCsv(absl::string_view("\xff\xfe"
                                                  "a\0,\0\xe9\0\n\0001\0,\0002\0",
                                                  16),
                                "list.csv"));
  EXPECT_THAT(table.header.cells, ElementsAre("a", "\xc3\xa9"));
  EXPECT_THAT(table.rows.at(0).cells, ElementsAre("1", "2"));
  EXPECT_THAT(ParseCsv("a\ncaf\xe9\n", "list.csv"),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("list.csv:2: the byte 0xE9")));
}

TEST(CsvTest, TheSeparatorIsWhatMakesMostColumns) {
  for (const char* separator : {",", ";", "\t", "|"}) {
    const std::string text = absl::StrCat("path", separator, " note", separator, "x:2\na.png",
                                          separator, "\"1", separator, " 2\"", separator, "\n");
    ASSERT_OK_AND_ASSIGN(const CsvTable table, ParseSeparatedCsv(text, "list.csv"));
    EXPECT_THAT(table.header.cells, ElementsAre("path", "note", "x:2"));
    EXPECT_THAT(table.rows.at(0).cells,
                ElementsAre("a.png", absl::StrCat("1", separator, " 2"), ""));
  }
  ASSERT_OK_AND_ASSIGN(const CsvTable told,
                       ParseSeparatedCsv("\xef\xbb\xbfsep=;\r\na,x;b,y\r\n1;2\r\n", "list.csv"));
  EXPECT_THAT(told.header.cells, ElementsAre("a,x", "b,y"));
  EXPECT_EQ(told.header.line, 2);
  ASSERT_OK_AND_ASSIGN(const CsvTable one, ParseSeparatedCsv("path\na;b.png\n", "list.csv"));
  EXPECT_THAT(one.rows.at(0).cells, ElementsAre("a;b.png"));
  EXPECT_THAT(
      ParseSeparatedCsv("a;b\n1;2;3\n", "list.csv"),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("3 cells, but line 1 names 2 columns")));
}

TEST(CsvTest, LinesAreCountedOverEmptyOnesCommentsAndLineBreaksInCells) {
  ASSERT_OK_AND_ASSIGN(const CsvTable table, ParseCsv("# by hand\na\n\n\"x\ny\"\n# more\nz\n",
                                                      "list.csv", CsvComments::kSkipped));
  EXPECT_EQ(table.Origin(table.header), "list.csv:2");
  ASSERT_EQ(table.rows.size(), 2);
  EXPECT_THAT(table.rows[0].cells, ElementsAre("x\ny"));
  EXPECT_EQ(table.Origin(table.rows[0]), "list.csv:4");
  EXPECT_EQ(table.Origin(table.rows[1]), "list.csv:7");
  ASSERT_OK_AND_ASSIGN(const CsvTable kept, ParseCsv("a\n# more\n", "list.csv"));
  EXPECT_THAT(kept.rows[0].cells, ElementsAre("# more"));
}

TEST(CsvTest, BehindTheHeaderOfATableOfOthersALineWithANumberSignIsARow) {
  ASSERT_OK_AND_ASSIGN(const CsvTable table, ParseSeparatedCsv("# of 2020\na;b\n#1;x\n", "list"));
  EXPECT_EQ(table.comments, 1);
  ASSERT_EQ(table.rows.size(), 1u);
  EXPECT_THAT(table.rows[0].cells, ElementsAre("#1", "x"));
}

TEST(CsvTest, ColumnsAreFoundByName) {
  ASSERT_OK_AND_ASSIGN(const CsvTable table, ParseCsv("a,b\n", "list.csv"));
  ASSERT_OK_AND_ASSIGN(const int b, table.Column("b"));
  EXPECT_EQ(b, 1);
  EXPECT_THAT(table.Column("c"),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       HasSubstr("list.csv:1: no column is called 'c'; the first line names the "
                                 "columns: a, b")));
}

TEST(CsvTest, MistakesAreNamedWithFileAndLine) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"", "list.csv: the file has no lines"},
      {"\xef\xbb\xbf \n\n", "list.csv: the file has no lines"},
      {"a,b\n1\n", "list.csv:2: 1 cells, but line 1 names 2 columns; an absent cell is empty"},
      {"a,b\n1,2\n1,2,3\n",
       "list.csv:3: 3 cells, but line 1 names 2 columns; a cell that holds ',' has to stand in "
       "quotes"},
      {"a,b\n1,\"2\n3,4\n", "list.csv:2: a quote is not closed"},
      {"a,b\n1,2\"3\n", "list.csv:2: a quote in the middle of a cell"},
      {"a,b\n1,\"2\"3\n", "list.csv:2: a quote in the middle of a cell"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(ParseCsv(c.text, "list.csv"),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr(c.message)))
        << c.text;
  }
  EXPECT_THAT(ReadCsv("missing.csv"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing.csv")));
}

TEST(CsvTest, OnlyWhatNeedsQuotesGetsThem) {
  EXPECT_EQ(CsvLine({"plain words", "a, b", "\"x\"", "", "1e-3", " outer", "two\nlines"}),
            "plain words,\"a, b\",\"\"\"x\"\"\",,1e-3,\" outer\",\"two\nlines\"\n");
  EXPECT_EQ(QuotedCsvCell("plain"), "\"plain\"");
}

TEST(CsvTest, WhatIsWrittenReadsBack) {
  const std::vector<std::vector<std::string>> lines = {
      {""}, {"x"}, {" "}, {"\r"}, {"a\r\nb"}, {","}, {"\""}, {"\"\""}, {"\xef\xbb\xbf"}, {"# no"}};
  std::string text = CsvLine({"column"});
  for (const auto& line : lines) text += CsvLine(line);
  ASSERT_OK_AND_ASSIGN(const CsvTable table, ParseCsv(text, "written"));
  ASSERT_EQ(table.rows.size(), lines.size());
  for (size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(table.rows[i].cells, lines[i]) << i;
}

TEST(CsvTest, AFileIsReadAsItsText) {
  const std::string path = absl::StrCat(::testing::TempDir(), "/file.csv");
  ASSERT_OK(WriteFile(path, "a,b\n1,2\n"));
  ASSERT_OK_AND_ASSIGN(const CsvTable table, ReadCsv(path));
  EXPECT_EQ(table.path, path);
  EXPECT_THAT(table.rows.at(0).cells, ElementsAre("1", "2"));
}

}  // namespace
}  // namespace cassle
