// CSV files, as people and other programs write them: what is read, written and read again stays,
// whatever encoding and separator it had.
#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "cassle/base/csv.h"
#include "cassle/base/testing/fuzz_check.h"
#include "cassle/base/text_file.h"

namespace cassle {
namespace {

bool AreUtf8(const std::vector<std::string>& cells) {
  return std::all_of(cells.begin(), cells.end(), [](const auto& cell) { return IsUtf8(cell); });
}

void CheckCsv(const absl::StatusOr<CsvTable>& table, ForeignBytes foreign) {
  if (!table.ok()) {
    CASSLE_FUZZ_CHECK(BlamesInput(table.status()));
    return;
  }
  std::string written = CsvLine(table->header.cells);
  bool utf8 = AreUtf8(table->header.cells);
  int line = table->header.line;
  for (const CsvRow& row : table->rows) {
    CASSLE_FUZZ_CHECK(row.cells.size() == table->header.cells.size());
    utf8 = utf8 && AreUtf8(row.cells);
    CASSLE_FUZZ_CHECK(row.line > line);
    line = row.line;
    written += CsvLine(row.cells);
  }
  if (!utf8) {
    CASSLE_FUZZ_CHECK(foreign == ForeignBytes::kKept);
    return;
  }
  const absl::StatusOr<CsvTable> again = ParseCsv(written, "written");
  CASSLE_FUZZ_CHECK(again.ok());
  CASSLE_FUZZ_CHECK(again->header.cells == table->header.cells);
  CASSLE_FUZZ_CHECK(again->rows.size() == table->rows.size());
  for (size_t i = 0; i < table->rows.size(); ++i) {
    CASSLE_FUZZ_CHECK(again->rows[i].cells == table->rows[i].cells);
  }
}

}  // namespace
}  // namespace cassle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  cassle::CheckCsv(cassle::ParseCsv(text, "fuzz"), cassle::ForeignBytes::kRefused);
  cassle::CheckCsv(cassle::ParseCsv(text, "fuzz", cassle::CsvComments::kSkipped),
                   cassle::ForeignBytes::kRefused);
  cassle::CheckCsv(cassle::ParseSeparatedCsv(text, "fuzz"), cassle::ForeignBytes::kKept);
  return 0;
}
