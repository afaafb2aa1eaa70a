// CSV list: one image a line, in the order of the file. The first line names the columns:
//   path     the image file, relative to --image_root (default: the folder of the CSV); needed
//   label    the class: numbers from 0, or names (sorted); an empty cell means no label
//   split    train, val, test, unlabeled, ...; default: train
//   NAME     a further target of classes: numbers from 0, or names
//   NAME:K   a further target of K numbers, separated by spaces in the cell, e.g. position:2
// Cells may be quoted (cassle/base/csv.h). A folder with train.csv, test.csv, ... gives a split per
// file. The images are not part of the stage's fingerprint when they lie outside --input and
// --image_root.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/csv.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/row_source.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

// Appends the rows of one file.
absl::Status AppendRows(const std::string& path, const std::string& split, const std::string& root,
                        std::vector<ImageRow>* rows, std::map<std::string, int>* targets) {
  CASSLE_ASSIGN_OR_RETURN(CsvTable table, ReadCsv(path));
  CASSLE_RETURN_IF_ERROR(table.Column("path").status());
  const std::string header = table.Origin(table.header);
  std::vector<std::string> names;
  for (const std::string& column : table.header.cells) {
    const size_t colon = column.rfind(':');
    int size = 0;
    if (colon != std::string::npos &&
        (!absl::SimpleAtoi(column.substr(colon + 1), &size) || size < 1)) {
      return absl::FailedPreconditionError(
          absl::StrCat(header, ": column '", column, "': after the colon stands a length from 1"));
    }
    names.push_back(column.substr(0, colon));
    if (names.back().empty() || std::count(names.begin(), names.end(), names.back()) > 1) {
      return absl::FailedPreconditionError(
          absl::StrCat(header, ": column '", column, "' has no name or one that is taken"));
    }
    if (column == "path" || column == "label" || column == "split") continue;
    const auto [target, added] = targets->emplace(names.back(), size);
    if (!added && target->second != size) {
      return absl::FailedPreconditionError(
          absl::StrCat(header, ": column '", column, "' has another length than before"));
    }
  }
  for (CsvRow& line : table.rows) {
    ImageRow row;
    row.origin = table.Origin(line);
    row.split = split.empty() ? "train" : split;
    std::vector<std::string>& cells = line.cells;
    for (size_t k = 0; k < cells.size(); ++k) {
      if (names[k] == "path") {
        row.key = cells[k];
        row.path = JoinPath(root, cells[k]);
      } else if (names[k] == "split") {
        const std::string canonical = CanonicalSplit(cells[k]);
        if (!cells[k].empty()) row.split = canonical.empty() ? cells[k] : canonical;
      } else {
        row.cells[names[k]] = std::move(cells[k]);
      }
    }
    rows->push_back(std::move(row));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSource>> OpenCsvSource(const SourceArguments& arguments) {
  std::vector<ImageRow> rows;
  std::map<std::string, int> targets;
  for (const SourceInput& input : arguments.inputs) {
    std::vector<std::string> paths = {input.path};
    if (IsDirectory(input.path)) {
      paths.clear();
      CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(input.path));
      for (const std::string& name : names) {
        if (absl::EndsWith(absl::AsciiStrToLower(name), ".csv")) {
          paths.push_back(JoinPath(input.path, name));
        }
      }
    }
    for (const std::string& path : paths) {
      const std::string name = BaseName(path);
      const std::string split = input.split.empty()
                                    ? CanonicalSplit(name.substr(0, name.find_first_of("-_.")))
                                    : input.split;
      CASSLE_RETURN_IF_ERROR(AppendRows(
          path, split, arguments.image_root.empty() ? DirName(path) : arguments.image_root, &rows,
          &targets));
    }
  }
  return MakeRowSource(std::move(rows), arguments.classes, std::move(targets));
}

}  // namespace cassle
