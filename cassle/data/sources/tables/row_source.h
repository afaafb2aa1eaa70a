// RowSource: images that a list names, one row each; what csv_source.cc and list_source.cc make.
#ifndef CASSLE_DATA_SOURCES_TABLES_ROW_SOURCE_H_
#define CASSLE_DATA_SOURCES_TABLES_ROW_SOURCE_H_

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/sources/source.h"
#include "cassle/data/sources/tables/class_column.h"

namespace cassle {

struct ImageRow {
  // FILE:LINE, for errors.
  std::string origin;
  std::string split;
  // As on the disk; all else is escaped (names.h).
  std::string path;
  // Of the image within its split.
  std::string key;
  // By column name; only label and targets. Empty: none.
  std::map<std::string, std::string> cells;
  // Targets of x and y in turn that are to be divided by the image's width and height.
  std::set<std::string> fractions;
};

// The split that a cell says its row is of.
//   odd  may it be of another name than those that CanonicalSplit knows?
// \error kFailedPrecondition naming the row.
absl::StatusOr<std::string> SplitOfCell(const std::string& cell, const std::string& origin,
                                        bool odd);

// Leaves out rows that say again what one before said of the same image; counts them, and images
// that are in several splits.
// \error kDataLoss naming a row of which one before says something else in the same split.
absl::Status DropRepeatedRows(std::vector<ImageRow>* rows, Tally* tally);

// The images in the order train, val, test, unlabeled, others; within a split as the rows come.
// Cells of labels and class targets are as class_column.h says. A target of numbers is absent where
// its cell is empty, NaN or has a NaN among its numbers. What is absent is counted.
//   classes  names of the labels; empty: those that occur.
//   targets  name and length of every target; 0 for a class.
//   codes    what sparse numbers are
//   arguments: class_order, and the tally
// \error kDataLoss naming the row, if a cell is not as its column has to be.
absl::StatusOr<std::unique_ptr<ImageSource>> MakeRowSource(std::vector<ImageRow> rows,
                                                           std::vector<std::string> classes,
                                                           std::map<std::string, int> targets,
                                                           ClassColumn::Codes codes,
                                                           const SourceArguments& arguments);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TABLES_ROW_SOURCE_H_
