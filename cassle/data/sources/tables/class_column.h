// ClassColumn: which class each cell of a column of other people's tables means. The one place that
// decides between numbers, codes and names; for CSV, lists and the labels in archives.
//
// In this order:
//   given names    a cell that is one of them is that class; numbers only if all of them are
//   numbers        every cell is a whole number: the class of that number. 1, 1.0 and +1 are one
//                  class, and so are 007 and 7. Fractions are refused, and so is what may be
//                  another number: 1,500 (cell_number.h).
//   codes          numbers above 100 of which fewer than a tenth of 0 .. largest occur (with
//                  Codes::kNames): classes of those names, in the order of the numbers
//   names          sorted, as --class_order says (class_names.h). 1, 1.0 and +1 are the class "1";
//                  007 stays "007". Cells that name several classes are refused
//                  (several_classes.h). Where all are yes, no, true or false, case says nothing
//   -1 and 1       nothing else: two classes of those names, as in CelebA's attributes
// No class: an empty cell, NaN and, but for the last line, -1; where the others are numbers also
// NA, N/A, None and null.
#ifndef CASSLE_DATA_SOURCES_TABLES_CLASS_COLUMN_H_
#define CASSLE_DATA_SOURCES_TABLES_CLASS_COLUMN_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/data/sources/class_names.h"
#include "cassle/data/sources/source.pb.h"
#include "cassle/data/sources/tally.h"

namespace cassle {

// Is the cell empty or NaN?
bool IsEmptyOrNan(absl::string_view cell);
// Does it say in another word that there is nothing: NA, N/A, None, null?
bool IsWordForNothing(absl::string_view cell);

// First every cell is added, then Settle() decides, then Index() answers.
class ClassColumn {
 public:
  // What numbers are: kNumbers classes, kNames that too unless few of them occur.
  enum class Codes { kNumbers, kNames };

  // cell: escaped if it may have any bytes (names.h). origin: FILE:LINE of it.
  void Add(const std::string& cell, const std::string& origin);

  // Are the cells so far numbers, but no classes: some fractions, or below -1?
  bool AreMeasures() const;

  // Has every row another cell, and are there at least kFewRows?
  bool EveryCellDiffers() const;
  static constexpr int64_t kFewRows = 20;

  // name: of the column, for messages. given: names of the classes; empty: none are given.
  // \error kDataLoss, naming a cell that is no class. kInvalidArgument for an order of names that
  // are given.
  absl::Status Settle(const std::string& name, std::vector<std::string> given, Codes codes,
                      v1::DatasetLayout::ClassOrder order, Tally* tally);

  // The class of a cell that was added; -1: none.
  // \error kDataLoss if it is not among the given names.
  absl::StatusOr<int64_t> Index(const std::string& cell, const std::string& origin) const;

  // The largest class number of a column whose numbers are the classes; else -1.
  int64_t LargestNumber() const;

  // Names in the order of the classes; empty if the numbers are the classes and no names are given.
  const std::vector<std::string>& names() const { return classes_.names(); }

 private:
  bool AreNumbers() const;
  absl::Status SettleNumbers(const std::string& name, Codes codes, Tally* tally);
  absl::Status SettleNames(const std::string& name, v1::DatasetLayout::ClassOrder order,
                           Tally* tally);
  // Numbers with one cell among them that is none.
  absl::Status CheckOddCells(const std::string& name, Tally* tally) const;
  // Is a cell without a class?
  bool IsNoClass(const std::string& cell) const;
  void FoldYesAndNo(const std::string& name, Tally* tally);
  // The name of a cell's class, where the classes have names.
  std::string ClassOf(const std::string& cell) const;

  // Cells but for those of no class; the origin of each one's first.
  std::map<std::string, std::string> cells_;
  int64_t added_ = 0;
  // Is a cell -1? And are -1 and 1 the classes?
  bool minus_one_ = false;
  bool signs_ = false;
  // Cells are told apart by their letters alone.
  bool fold_case_ = false;
  // Numbers are the classes; by their value.
  bool numbers_ = false;
  ClassNames classes_;
};

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TABLES_CLASS_COLUMN_H_
