#include "cassle/eval/result/text_table.h"

#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

v1::TextTable TwoColumns() {
  v1::TextTable table;
  table.set_title("Gains");
  for (const char* column : {"encoder", "a|b"}) table.add_columns(column);
  for (const char* name : {"plain", "told\nof all"}) {
    v1::TextRow* row = table.add_rows();
    row->add_cells()->set_text(name);
    row->add_cells();
  }
  table.mutable_rows(1)->mutable_cells(1)->set_text("+1.0");
  for (v1::TextRow& row : *table.mutable_rows()) row.mutable_cells(1)->set_strong(true);
  return table;
}

// What would end a cell does not; nothing is nothing, bold or not.
TEST(TextTableTest, MarkdownHasALinePerRow) {
  EXPECT_EQ(MarkdownTable(TwoColumns()),
            "| encoder | a\\|b |\n| --- | ---: |\n| plain |  |\n| told of all | **+1.0** |\n");
}

TEST(TextTableTest, RowsOfAnotherLengthAreRefusedByTheTablesTitle) {
  v1::TextTable table = TwoColumns();
  EXPECT_OK(CheckTextTable(table));
  table.mutable_rows(1)->add_cells();
  EXPECT_THAT(CheckTextTable(table),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("\"Gains\""), HasSubstr("3 cells for 2 columns"))));
  EXPECT_OK(CheckTextTable(v1::TextTable()));
}

}  // namespace
}  // namespace cassle
