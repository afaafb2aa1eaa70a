// One-hot labels: a column per class, with a 1 in that of the image's class and a 0 elsewhere.
#ifndef CASSLE_DATA_SOURCES_TABLES_ONE_HOT_H_
#define CASSLE_DATA_SOURCES_TABLES_ONE_HOT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/base/csv.h"

namespace cassle {

// The name of the column that has the 1; empty if all cells are 0 or empty: no label.
// columns: indices of cells.
// \error kDataLoss, naming the row: several ones, or another number.
absl::StatusOr<std::string> OneHotLabel(const CsvTable& table, const CsvRow& row,
                                        const std::vector<int>& columns);

// Do those columns look like it: two or more, numbers of 0 and 1, one 1 in every row?
bool LooksOneHot(const CsvTable& table, const std::vector<int>& columns);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TABLES_ONE_HOT_H_
