#include "cassle/data/sources/tables/csv_columns.h"

#include <algorithm>
#include <initializer_list>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/image_names.h"
#include "cassle/data/sources/tables/one_hot.h"

namespace cassle {
namespace {

// Columns whose names are one of `words`, whatever their case.
std::vector<int> ColumnsCalled(const CsvRow& header, std::initializer_list<const char*> words) {
  std::vector<int> found;
  for (size_t i = 0; i < header.cells.size(); ++i) {
    if (std::any_of(words.begin(), words.end(), [&](const char* word) {
          return absl::EqualsIgnoreCase(header.cells[i], word);
        })) {
      found.push_back(static_cast<int>(i));
    }
  }
  return found;
}

// Index of a cell; -1 if none is the same.
int Find(const CsvRow& header, absl::string_view name) {
  const auto found = std::find(header.cells.begin(), header.cells.end(), name);
  return found == header.cells.end() ? -1 : static_cast<int>(found - header.cells.begin());
}

// The names of columns; the first of many.
std::string NamesOf(const CsvRow& header) {
  constexpr size_t kMost = 12;
  if (header.cells.size() <= kMost) return absl::StrJoin(header.cells, ", ");
  return absl::StrCat(absl::StrJoin(header.cells.begin(), header.cells.begin() + kMost / 2, ", "),
                      ", ... (", header.cells.size(), ")");
}

// Where images may be: the folder of the list, and those in it.
std::vector<std::string> Roots(const std::string& folder) {
  std::vector<std::string> roots = {folder};
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(folder);
  if (!names.ok()) return roots;
  for (const std::string& name : *names) {
    if (IsDirectory(JoinPath(folder, name))) roots.push_back(JoinPath(folder, name));
  }
  return roots;
}

// The one that has the image of a cell; empty if none does.
std::string RootOf(const std::string& cell, const std::vector<std::string>& roots) {
  for (const std::string& root : roots) {
    for (const char* ending : {"", ".jpg", ".png", ".jpeg", ".JPG"}) {
      const std::string path = JoinPath(root, cell + ending);
      if (FileExists(path) && !IsDirectory(path)) return root;
    }
  }
  return "";
}

// None of the columns' names tells which has the images: do the cells?
absl::Status NoPath(const CsvTable& table, const SourceArguments& arguments) {
  const CsvRow& header = table.header;
  const std::string origin = absl::StrCat(table.Origin(header), ": no column is called 'path'");
  // A table of numbers, each row an image.
  constexpr size_t kPixels = 100;
  if (header.cells.size() >= kPixels) {
    return absl::FailedPreconditionError(
        absl::StrCat(origin, "; its ", header.cells.size(),
                     " columns seem to be pixels: make image files of the rows, and list them"));
  }
  const std::vector<std::string> roots =
      Roots(arguments.image_root.empty() ? DirName(table.path) : arguments.image_root);
  for (size_t i = 0; i < header.cells.size() && !table.rows.empty(); ++i) {
    const std::string& cell = table.rows[0].cells[i];
    const std::string root = cell.empty() ? "" : RootOf(cell, roots);
    if (root.empty()) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        origin, ", but those of '", header.cells[i], "' name images: give --image_from=",
        header.cells[i], root == roots[0] ? "" : absl::StrCat(" --image_root=", root)));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      origin,
      " (--image_from=COLUMN names another); the first line names the columns: ", NamesOf(header),
      header.cells.size() == 1 ? " (columns are separated by , ; | or tabs)" : ""));
}

absl::StatusOr<int> FindPath(const CsvTable& table, const SourceArguments& arguments) {
  const CsvRow& header = table.header;
  if (!arguments.image_from.empty()) return table.Column(arguments.image_from);
  const int exact = Find(header, "path");
  if (exact >= 0) return exact;
  const std::vector<int> like = ColumnsCalled(
      header, {"path", "file_name", "filename", "file", "filepath", "file_path", "image",
               "image_path", "image_id", "image_name", "img", "img_path", "img_filename"});
  if (like.size() == 1) {
    arguments.tally->Decide(absl::StrCat(BaseName(table.path),
                                         ": the images are those of the column '",
                                         header.cells[like[0]], "'"));
    return like[0];
  }
  if (like.size() > 1) {
    return absl::FailedPreconditionError(absl::StrCat(
        table.Origin(header), ": no column is called 'path'; are the images those of '",
        header.cells[like[0]], "' or of '", header.cells[like[1]], "'? --image_from=COLUMN"));
  }
  if (std::any_of(header.cells.begin(), header.cells.end(), IsImageName)) {
    return absl::FailedPreconditionError(
        absl::StrCat(table.Origin(header),
                     ": the first line is an image already; it has to name the columns, "
                     "e.g. 'path,label': put that line in front"));
  }
  return NoPath(table, arguments);
}

// What --label_from names: a column, or those of one-hot labels.
absl::Status TakeLabelFrom(const CsvTable& table, const std::string& label_from,
                           CsvColumns* columns) {
  columns->label = Find(table.header, label_from);
  const std::vector<std::string> names = absl::StrSplit(label_from, ',');
  if (columns->label >= 0 || names.size() < 2) return table.Column(label_from).status();
  for (const std::string& name : names) {
    CASSLE_ASSIGN_OR_RETURN(const int column, table.Column(absl::StripAsciiWhitespace(name)));
    columns->one_hot.push_back(column);
  }
  return absl::OkStatus();
}

// The column called 'label', whatever its case; -1: there is none.
int FindLabel(const CsvTable& table, Tally* tally) {
  const int exact = Find(table.header, "label");
  if (exact >= 0) return exact;
  const std::vector<int> like = ColumnsCalled(table.header, {"label"});
  if (like.size() != 1) return -1;
  tally->Decide(absl::StrCat(BaseName(table.path), ": the labels are those of the column '",
                             table.header.cells[like[0]], "'"));
  return like[0];
}

// Says which column might be that of the labels, since none is called so.
void ProposeLabel(const CsvTable& table, const CsvColumns& columns, Tally* tally) {
  if (columns.targets.empty()) return;
  std::vector<int> places;
  std::vector<std::string> names;
  for (const CsvColumns::Target& target : columns.targets) {
    names.push_back(target.name);
    if (target.size == 0) places.push_back(target.column);
  }
  const std::vector<int> like =
      ColumnsCalled(table.header, {"labels", "class", "class_name", "class_id", "cls", "category",
                                   "category_id", "target", "label_name", "label_id", "y"});
  std::string proposal;
  if (!like.empty()) {
    const std::string& name = table.header.cells[like[0]];
    proposal = absl::StrCat("'", name, "' is a further target (--label_from=", name,
                            " makes it the label)");
  } else if (places.size() == names.size() && LooksOneHot(table, places)) {
    proposal = absl::StrCat("'", names[0], "' to '", names.back(),
                            "' look like one-hot labels (--label_from=", absl::StrJoin(names, ","),
                            " makes them the label)");
  } else {
    proposal = absl::StrCat("further targets: ", absl::StrJoin(names, ", "),
                            " (--label_from=COLUMN makes one the label)");
  }
  tally->Decide(absl::StrCat(BaseName(table.path),
                             ": no column is called 'label', so images have none; ", proposal));
}

// Are the cells of a column, but for empty ones, names of splits: all of them, or some?
struct SplitWords {
  bool all = false;
  bool any = false;
  int splits = 0;
};
SplitWords WordsOf(const CsvTable& table, int column) {
  SplitWords words;
  std::set<std::string> splits;
  bool others = false;
  for (const CsvRow& row : table.rows) {
    if (row.cells[column].empty()) continue;
    const std::string split = CanonicalSplit(row.cells[column]);
    others = others || split.empty();
    if (!split.empty()) splits.insert(split);
  }
  words.splits = static_cast<int>(splits.size());
  words.any = !splits.empty();
  words.all = words.any && !others;
  return words;
}

// The column called 'split', or one whose cells say that it is meant.
absl::StatusOr<int> FindSplit(const CsvTable& table, const CsvColumns& columns, Tally* tally) {
  const int exact = Find(table.header, "split");
  if (exact >= 0) return exact;
  const std::vector<int> named = ColumnsCalled(
      table.header, {"split", "splits", "set", "subset", "partition", "phase", "fold", "dataset",
                     "data set", "data_set", "data_split", "mode", "usage"});
  int found = -1;
  for (int i = 0; i < static_cast<int>(table.header.cells.size()); ++i) {
    if (i == columns.path || i == columns.label) continue;
    const std::string& name = table.header.cells[i];
    const SplitWords words = WordsOf(table, i);
    const bool called = std::count(named.begin(), named.end(), i) > 0;
    if (!words.any || (!called && (!words.all || words.splits < 2))) continue;
    if (!words.all || found >= 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          table.Origin(table.header), ": column '", name,
          words.all ? "' and another hold" : "' holds in part",
          " names of splits (train, val, test): call the column of the splits 'split'"));
    }
    found = i;
  }
  if (found >= 0) {
    tally->Decide(absl::StrCat(BaseName(table.path), ": the splits are those of the column '",
                               table.header.cells[found], "'"));
  }
  return found;
}

// Are the cells of a column, but for empty ones, few whole numbers or answers to a question?
bool AreFlags(const CsvTable& table, int column) {
  constexpr size_t kMostSplits = 4;
  std::set<std::string> cells;
  for (const CsvRow& row : table.rows) {
    const std::string cell = absl::AsciiStrToLower(row.cells[column]);
    int64_t number = 0;
    if (cell.empty()) continue;
    if (!absl::SimpleAtoi(cell, &number) && cell != "true" && cell != "false" && cell != "yes" &&
        cell != "no" && cell != "t" && cell != "f" && cell != "y" && cell != "n") {
      return false;
    }
    if (cells.insert(cell).second && cells.size() > kMostSplits) return false;
  }
  return !cells.empty();
}

// Columns that say by numbers or yes and no of which split a row is: is_train, test, partition.
absl::Status CheckFlags(const CsvTable& table, const CsvColumns& columns) {
  if (Find(table.header, "split") >= 0) return absl::OkStatus();
  const std::vector<int> numbered =
      ColumnsCalled(table.header, {"splits", "subset", "partition", "partitions", "dataset_split",
                                   "data_split", "split_id", "set_id", "part"});
  for (int i = 0; i < static_cast<int>(table.header.cells.size()); ++i) {
    if (i == columns.path || i == columns.label) continue;
    std::string name = absl::AsciiStrToLower(table.header.cells[i]);
    for (const char* prefix : {"is_", "is", "in_"}) {
      if (absl::StartsWith(name, prefix)) name = name.substr(std::string(prefix).size());
    }
    for (const char* suffix : {"_img", "_image", "_set", "_split", "_flag"}) {
      if (absl::EndsWith(name, suffix)) name.resize(name.size() - std::string(suffix).size());
    }
    const bool of_split = !CanonicalSplit(name).empty();
    if (!of_split && std::count(numbered.begin(), numbered.end(), i) == 0) continue;
    if (!AreFlags(table, i)) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(table.Origin(table.header), ": column '", table.header.cells[i],
                     "' seems to say of which split a row is: write train, val or test into a "
                     "column 'split' (if it says something else, give it another name)"));
  }
  return absl::OkStatus();
}

// pandas writes the numbers of rows without a name, and reads them as "Unnamed: 0".
bool IsNameless(const std::string& column) {
  return column.empty() || absl::StartsWith(column, "Unnamed: ");
}

}  // namespace

absl::StatusOr<CsvColumns> FindCsvColumns(const CsvTable& table, const SourceArguments& arguments) {
  const CsvRow& header = table.header;
  const std::string origin = table.Origin(header);
  CsvColumns columns;
  CASSLE_ASSIGN_OR_RETURN(columns.path, FindPath(table, arguments));
  if (arguments.only_images) return columns;
  if (arguments.label_from.empty()) {
    columns.label = FindLabel(table, arguments.tally.get());
  } else if (arguments.label_from != "none") {
    CASSLE_RETURN_IF_ERROR(TakeLabelFrom(table, arguments.label_from, &columns));
  }
  CASSLE_RETURN_IF_ERROR(CheckFlags(table, columns));
  CASSLE_ASSIGN_OR_RETURN(columns.split, FindSplit(table, columns, arguments.tally.get()));
  std::vector<std::string> names;
  for (int i = 0; i < static_cast<int>(header.cells.size()); ++i) {
    const std::string& column = header.cells[i];
    if (IsNameless(column)) {
      arguments.tally->Decide(
          absl::StrCat(BaseName(table.path), ": column ", i + 1, " has no name and is not read"));
      continue;
    }
    CsvColumns::Target target;
    const size_t colon = column.rfind(':');
    target.column = i;
    target.name = std::string(absl::StripAsciiWhitespace(column.substr(0, colon)));
    if (colon != std::string::npos &&
        (!absl::SimpleAtoi(column.substr(colon + 1), &target.size) || target.size < 1)) {
      return absl::FailedPreconditionError(
          absl::StrCat(origin, ": column '", column, "': after the colon stands a length from 1"));
    }
    if (target.name.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(origin, ": column '", column, "' has no name before its colon"));
    }
    if (std::find(names.begin(), names.end(), target.name) != names.end()) {
      return absl::FailedPreconditionError(absl::StrCat(origin, ": two columns are called '",
                                                        target.name, "': rename or delete one"));
    }
    names.push_back(target.name);
    if (i == columns.path || i == columns.label || i == columns.split) continue;
    if (std::count(columns.one_hot.begin(), columns.one_hot.end(), i) > 0) continue;
    if (target.name == "label") {
      arguments.tally->Decide(absl::StrCat(BaseName(table.path),
                                           ": the column 'label' is not read, since "
                                           "--label_from=",
                                           arguments.label_from));
      continue;
    }
    columns.targets.push_back(std::move(target));
  }
  if (columns.label < 0 && arguments.label_from.empty()) {
    ProposeLabel(table, columns, arguments.tally.get());
  }
  return columns;
}

}  // namespace cassle
