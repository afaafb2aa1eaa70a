#include "cassle/data/sources/tables/one_hot.h"

#include <algorithm>
#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/data/sources/tables/cell_number.h"

namespace cassle {

absl::StatusOr<std::string> OneHotLabel(const CsvTable& table, const CsvRow& row,
                                        const std::vector<int>& columns) {
  std::string label;
  for (const int column : columns) {
    const std::string& cell = row.cells[column];
    const std::string& name = table.header.cells[column];
    if (cell.empty()) continue;
    const std::optional<int64_t> number = CellWholeNumber(cell);
    if (number != 0 && number != 1) {
      return absl::DataLossError(absl::StrCat(table.Origin(row), ": column ", name,
                                              " of the labels "
                                              "is '",
                                              cell, "', not 0 or 1"));
    }
    if (number == 0) continue;
    if (!label.empty()) {
      return absl::DataLossError(absl::StrCat(table.Origin(row), ": ", label, " and ", name,
                                              " are both 1, but an image has one label"));
    }
    label = name;
  }
  return label;
}

bool LooksOneHot(const CsvTable& table, const std::vector<int>& columns) {
  if (columns.size() < 2 || table.rows.empty()) return false;
  return std::all_of(table.rows.begin(), table.rows.end(), [&](const CsvRow& row) {
    const absl::StatusOr<std::string> label = OneHotLabel(table, row, columns);
    return label.ok() && !label->empty();
  });
}

}  // namespace cassle
