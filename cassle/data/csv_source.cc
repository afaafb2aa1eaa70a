// CSV list: one image a line, in the order of the file. The first line names the columns:
//   path     the image file, relative to --image_root (default: the folder of the CSV); needed
//   label    the class: numbers from 0, or names (sorted); an empty cell means no label
//   split    train, val, test, unlabeled, ...; default: train
//   NAME     a further target of classes: numbers from 0, or names
//   NAME:K   a further target of K numbers, separated by spaces in the cell, e.g. position:2
// Cells may be quoted ("a, ""b"""). A folder with train.csv, test.csv, ... gives a split per file.
// The images are not part of the stage's fingerprint when they lie outside --input and
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
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/row_source.h"
#include "cassle/data/sources.h"

namespace cassle {
namespace {

absl::StatusOr<std::vector<std::string>> SplitCsvLine(const std::string& line,
                                                      const std::string& origin) {
  std::vector<std::string> cells(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (quoted && c == '"' && i + 1 < line.size() && line[i + 1] == '"') {
      cells.back().push_back(line[++i]);
    } else if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      cells.emplace_back();
    } else {
      cells.back().push_back(c);
    }
  }
  if (quoted) return absl::DataLossError(absl::StrCat(origin, ": a quote is not closed"));
  for (std::string& cell : cells) absl::StripAsciiWhitespace(&cell);
  return cells;
}

// Appends the rows of one file.
absl::Status ReadCsv(const std::string& path, const std::string& split, const std::string& root,
                     std::vector<ImageRow>* rows, std::map<std::string, int>* targets) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> lines, ReadLines(path));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> header,
                          SplitCsvLine(lines[0], absl::StrCat(path, ":1")));
  if (std::find(header.begin(), header.end(), "path") == header.end()) {
    return absl::FailedPreconditionError(absl::StrCat(
        path, ":1: no column is called 'path'; the first line names the columns, e.g. path,label"));
  }
  std::vector<std::string> names;
  for (const std::string& column : header) {
    const size_t colon = column.rfind(':');
    int size = 0;
    if (colon != std::string::npos &&
        (!absl::SimpleAtoi(column.substr(colon + 1), &size) || size < 1)) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ":1: column '", column, "': after the colon stands a length from 1"));
    }
    names.push_back(column.substr(0, colon));
    if (names.back().empty() || std::count(names.begin(), names.end(), names.back()) > 1) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ":1: column '", column, "' has no name or one that is taken"));
    }
    if (column == "path" || column == "label" || column == "split") continue;
    const auto [target, added] = targets->emplace(names.back(), size);
    if (!added && target->second != size) {
      return absl::FailedPreconditionError(
          absl::StrCat(path, ":1: column '", column, "' has another length than before"));
    }
  }
  for (size_t i = 1; i < lines.size(); ++i) {
    if (lines[i].empty()) continue;
    ImageRow row;
    row.origin = absl::StrCat(path, ":", i + 1);
    row.split = split.empty() ? "train" : split;
    CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> cells,
                            SplitCsvLine(lines[i], row.origin));
    if (cells.size() != names.size()) {
      return absl::DataLossError(absl::StrCat(row.origin, ": ", cells.size(),
                                              " cells, but there are ", names.size(), " columns"));
    }
    for (size_t k = 0; k < cells.size(); ++k) {
      if (names[k] == "path") {
        row.key = cells[k];
        row.path = JoinPath(root, cells[k]);
      } else if (names[k] == "split") {
        const std::string canonical = CanonicalSplit(cells[k]);
        if (!cells[k].empty()) row.split = canonical.empty() ? cells[k] : canonical;
      } else {
        row.cells[names[k]] = cells[k];
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
      CASSLE_RETURN_IF_ERROR(
          ReadCsv(path, split, arguments.image_root.empty() ? DirName(path) : arguments.image_root,
                  &rows, &targets));
    }
  }
  return MakeRowSource(std::move(rows), arguments.classes, std::move(targets));
}

}  // namespace cassle
