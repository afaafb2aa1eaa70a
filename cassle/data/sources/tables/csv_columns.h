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
  // Those of one-hot labels (one_hot.h), instead of `label`.
  std::vector<int> one_hot;
  std::vector<Target> targets;
};

// arguments.image_from and label_from name the columns of the images and labels; else they are
// "path" and "label"; several names for labels, separated by commas, are the columns of one-hot
// labels. Other names that mean the same, columns that are not read, and which ones may be the
// labels where none is called so, are said in arguments.tally.
// \error kFailedPrecondition, naming file and line: no column for the images or two that may be it,
// two columns of one name, a length that is none.
absl::StatusOr<CsvColumns> FindCsvColumns(const CsvTable& table, const SourceArguments& arguments);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TABLES_CSV_COLUMNS_H_
