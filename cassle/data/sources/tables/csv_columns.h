// What the columns of a CSV list of images are, by the names in its first line.
#ifndef CASSLE_DATA_SOURCES_TABLES_CSV_COLUMNS_H_
#define CASSLE_DATA_SOURCES_TABLES_CSV_COLUMNS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/base/csv.h"
#include "cassle/data/sources/source.h"

namespace cassle {

// Indices of columns; -1: there is none.
struct CsvColumns {
  struct Target {
    int column = 0;
    std::string name;
    // Of the vector; 0 for a class.
    int size = 0;
  };
  int path = -1;
  int label = -1;
  int split = -1;
  std::vector<Target> targets;
};

// arguments.image_from and label_from name the columns of the images and labels; else they are
// "path" and "label". Other names that mean the same, and columns that are not read, are said in
// arguments.tally.
// \error kFailedPrecondition, naming file and line: no column for the images or two that may be it,
// two columns of one name, a length that is none.
absl::StatusOr<CsvColumns> FindCsvColumns(const CsvTable& table, const SourceArguments& arguments);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TABLES_CSV_COLUMNS_H_
