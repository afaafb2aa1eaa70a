// CSV files, as people and other programs write them: what is read, written and read again stays.
#include <cstdint>
#include <string>

#include "cassle/base/csv.h"
#include "cassle/base/testing/fuzz_check.h"

namespace cassle {
namespace {

void CheckCsv(const std::string& text, CsvComments comments) {
  const absl::StatusOr<CsvTable> table = ParseCsv(text, "fuzz", comments);
  if (!table.ok()) {
    CASSLE_FUZZ_CHECK(BlamesInput(table.status()));
    return;
  }
  std::string written = CsvLine(table->header.cells);
  int line = table->header.line;
  for (const CsvRow& row : table->rows) {
    CASSLE_FUZZ_CHECK(row.cells.size() == table->header.cells.size());
    CASSLE_FUZZ_CHECK(row.line > line);
    line = row.line;
    written += CsvLine(row.cells);
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
  cassle::CheckCsv(text, cassle::CsvComments::kNone);
  cassle::CheckCsv(text, cassle::CsvComments::kSkipped);
  return 0;
}
