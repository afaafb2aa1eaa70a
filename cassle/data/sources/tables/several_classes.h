// Cells of a column of classes that seem to name several of them: "cat;dog", "[1, 0]".
#ifndef CASSLE_DATA_SOURCES_TABLES_SEVERAL_CLASSES_H_
#define CASSLE_DATA_SOURCES_TABLES_SEVERAL_CLASSES_H_

#include <map>
#include <string>

#include "absl/status/status.h"
#include "cassle/data/sources/tally.h"

namespace cassle {

// cells: those of the column, and the origin (FILE:LINE) of each one's first. column: its name.
// Cells with ; or | that are taken for one class each are counted.
// \error kDataLoss, naming a cell: a list in brackets, or cells joined by one of ;|,/+ or a blank
// all of which are classes on their own: an image has one class.
absl::Status CheckOneClassPerCell(const std::map<std::string, std::string>& cells,
                                  const std::string& column, Tally* tally);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TABLES_SEVERAL_CLASSES_H_
