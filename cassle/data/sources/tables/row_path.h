// Where the image lies that a cell of a table names.
#ifndef CASSLE_DATA_SOURCES_TABLES_ROW_PATH_H_
#define CASSLE_DATA_SOURCES_TABLES_ROW_PATH_H_

#include <string>

#include "absl/status/status.h"
#include "cassle/data/sources/tables/row_source.h"
#include "cassle/data/sources/tally.h"

namespace cassle {

// Sentence of the tally.
inline constexpr char kBackslashes[] = "backslashes in paths are taken for slashes";

// Fills in path and key of row, whose origin is known. cell: a path below `root`, as on the disk or
// escaped as keys are (cassle/base/escaped_name.h). Where no file has it: blanks at its ends are
// left out, backslashes are taken for slashes, a slash in front for none, its form of Unicode for
// that of the disk, and a name without an ending of images gets the ending that a file beside it
// has; the tally says so. Looks at the disk only for such cells.
// \error kDataLoss, naming the row: an empty cell, a path of Windows with its drive or server, an
// address.
absl::Status LocateImage(std::string cell, const std::string& root, Tally* tally, ImageRow* row);

// Is there such a file, with that name or that and the ending of an image?
bool HasImage(const std::string& path);

// The path without ./ and a/../
std::string NormalPath(const std::string& path);

// The path, in the form of Unicode in which a file below `root` has it: a list of Linux names the
// images of a Mac in another one. As it is if there is no such file.
std::string InFormOfDisk(const std::string& root, const std::string& path, Tally* tally);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TABLES_ROW_PATH_H_
