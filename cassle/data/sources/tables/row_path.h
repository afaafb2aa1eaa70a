// Where the image lies that a cell of a table names.
#ifndef CASSLE_DATA_SOURCES_TABLES_ROW_PATH_H_
#define CASSLE_DATA_SOURCES_TABLES_ROW_PATH_H_

#include <string>

#include "absl/status/status.h"
#include "cassle/data/sources/tables/row_source.h"
#include "cassle/data/sources/tally.h"

namespace cassle {

// Fills in path and key of row, whose origin is known. cell: a path below `root`, as on the disk or
// escaped as keys are (cassle/base/escaped_name.h). Where no file has it: backslashes are taken for
// slashes, and a name without an ending of images gets the ending that a file beside it has; the
// tally says so. Looks at the disk only for cells with a backslash or without an ending.
// \error kDataLoss, naming the row: an empty cell, a path with a drive, an address on the net.
absl::Status LocateImage(std::string cell, const std::string& root, Tally* tally, ImageRow* row);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TABLES_ROW_PATH_H_
