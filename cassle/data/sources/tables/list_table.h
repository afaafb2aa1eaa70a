// Lists of published data sets as rows of fields: text files, folders, MATLAB files.
#ifndef CASSLE_DATA_SOURCES_TABLES_LIST_TABLE_H_
#define CASSLE_DATA_SOURCES_TABLES_LIST_TABLE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/sources/source.h"

namespace cassle {

struct ListRow {
  // FILE:LINE, for errors.
  std::string origin;
  std::vector<std::string> fields;
  // The white space before each field, where any is not a single blank; else empty.
  std::vector<std::string> gaps;

  // The fields from `first` (from 0) to the end, as they stand in the list: a file's name may hold
  // any blanks.
  std::string Rest(size_t first) const;
};

// What becomes of the lines of a text that have no field.
enum class EmptyLines { kSkipped, kRows };

// `list` below the input:
//   FILE               text: a row per line (of those without a field as `empty` says), fields
//                      between white space; bytes that are no UTF-8 stay in them
//   FOLDER/            a row per image file below it, sorted: its path from the input; hidden ones
//                      and leftovers are counted (image_files.h)
//   FILE.mat:VARIABLE  a MATLAB variable; the first field of every row is its number, from 1, then
//                        a vector of numbers or cells: the element
//                        an array: all numbers of one index of the last dimension
//                        a struct array: the fields of one element
// \error kNotFound if the file is missing; kDataLoss or kFailedPrecondition, naming it, if it
// cannot be read or has no such variable.
absl::StatusOr<std::vector<ListRow>> ReadListTable(const std::string& list,
                                                   const SourceArguments& arguments,
                                                   EmptyLines empty = EmptyLines::kSkipped);

// The last field of every row of such a list, escaped: the name of a class.
// \error as ReadListTable; kDataLoss naming a row without a name, or with one that was before.
absl::StatusOr<std::vector<std::string>> ReadListClasses(const std::string& list,
                                                         const SourceArguments& arguments);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TABLES_LIST_TABLE_H_
