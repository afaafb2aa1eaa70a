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
#include <cstdint>
#include <map>
#include <memory>
#include <set>
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
#include "cassle/data/sources.h"

namespace cassle {
namespace {

struct Row {
  std::string origin;  // FILE:LINE
  std::string split;
  std::string path;
  std::string key;
  // By column name; only label and targets.
  std::map<std::string, std::string> cells;
};

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

// Names of a class column: numbered as they are, or sorted.
struct ClassColumn {
  bool numeric = true;
  std::vector<std::string> names;

  absl::StatusOr<int64_t> Index(const std::string& cell, const std::string& origin) const {
    int64_t index = 0;
    if (numeric) {
      if (!absl::SimpleAtoi(cell, &index) || index < -1) {
        return absl::DataLossError(absl::StrCat(origin, ": '", cell, "' is no class number"));
      }
      return index;
    }
    const auto found = std::find(names.begin(), names.end(), cell);
    if (found == names.end()) {
      return absl::DataLossError(absl::StrCat(origin, ": '", cell, "' is not among the classes"));
    }
    return found - names.begin();
  }
};

ClassColumn MakeClassColumn(const std::string& column, const std::vector<Row>& rows) {
  ClassColumn result;
  std::set<std::string> names;
  for (const Row& row : rows) {
    const auto cell = row.cells.find(column);
    if (cell == row.cells.end() || cell->second.empty()) continue;
    int64_t number = 0;
    if (!absl::SimpleAtoi(cell->second, &number)) result.numeric = false;
    names.insert(cell->second);
  }
  if (!result.numeric) result.names.assign(names.begin(), names.end());
  return result;
}

class CsvSource : public ImageSource {
 public:
  CsvSource(std::vector<Row> rows, std::vector<std::string> splits,
            std::vector<std::string> classes, std::map<std::string, int> targets)
      : rows_(std::move(rows)), splits_(std::move(splits)), targets_(std::move(targets)) {
    columns_["label"] = MakeClassColumn("label", rows_);
    for (const auto& [name, size] : targets_) {
      if (size == 0) columns_[name] = MakeClassColumn(name, rows_);
    }
    // Given names decide, also about their order.
    if (!classes.empty() && !columns_["label"].numeric) columns_["label"].names = classes;
    classes_ = columns_["label"].numeric ? std::move(classes) : columns_["label"].names;
  }

  const std::vector<std::string>& splits() const override { return splits_; }
  int64_t size() const override { return static_cast<int64_t>(rows_.size()); }

  absl::StatusOr<bool> Next(SourceItem* item) override {
    if (next_ == rows_.size()) return false;
    const Row& row = rows_[next_++];
    item->key = absl::StrCat(row.split, "/", row.key);
    item->split =
        static_cast<int>(std::find(splits_.begin(), splits_.end(), row.split) - splits_.begin());
    for (const auto& [name, cell] : row.cells) {
      if (cell.empty()) continue;
      if (name == "label") {
        CASSLE_ASSIGN_OR_RETURN(const int64_t label, columns_["label"].Index(cell, row.origin));
        if (label >= 0) item->label = label;
        continue;
      }
      CASSLE_RETURN_IF_ERROR(AddTarget(name, cell, row.origin, item));
    }
    item->load = [path = row.path](SourceItem* loaded) -> absl::Status {
      CASSLE_ASSIGN_OR_RETURN(loaded->file, ReadFile(path));
      return absl::OkStatus();
    };
    return true;
  }

  absl::Status Describe(v1::DatasetInfo* info) override {
    for (const std::string& name : classes_) info->add_classes(name);
    for (const auto& [name, size] : targets_) {
      v1::TargetInfo* target = info->add_targets();
      target->set_name(name);
      target->set_vector_size(size);
      if (size == 0) {
        for (const std::string& label : columns_[name].names) target->add_classes(label);
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status AddTarget(const std::string& name, const std::string& cell,
                         const std::string& origin, SourceItem* item) {
    const int size = targets_[name];
    v1::Target target;
    target.set_name(name);
    if (size == 0) {
      CASSLE_ASSIGN_OR_RETURN(const int64_t index, columns_[name].Index(cell, origin));
      target.set_class_index(index);
    } else {
      for (absl::string_view word : absl::StrSplit(cell, ' ', absl::SkipEmpty())) {
        float value = 0;
        if (!absl::SimpleAtof(word, &value)) {
          return absl::DataLossError(absl::StrCat(origin, ": '", word, "' is no number"));
        }
        target.mutable_vector()->add_values(value);
      }
      if (target.vector().values_size() != size) {
        return absl::DataLossError(absl::StrCat(origin, ": column ", name, ":", size, " holds ",
                                                target.vector().values_size(), " numbers"));
      }
    }
    item->targets.push_back(std::move(target));
    return absl::OkStatus();
  }

  const std::vector<Row> rows_;
  const std::vector<std::string> splits_;
  // Name and vector size; 0 for a class. Sorted by name.
  std::map<std::string, int> targets_;
  std::map<std::string, ClassColumn> columns_;
  std::vector<std::string> classes_;
  size_t next_ = 0;
};

// Appends the rows of one file.
absl::Status ReadCsv(const std::string& path, const std::string& split, const std::string& root,
                     std::vector<Row>* rows, std::map<std::string, int>* targets) {
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
    Row row;
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
  std::vector<Row> rows;
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
  std::vector<std::string> splits;
  for (const Row& row : rows) {
    if (std::find(splits.begin(), splits.end(), row.split) == splits.end()) {
      splits.push_back(row.split);
    }
  }
  SortSplits(&splits);
  std::stable_sort(rows.begin(), rows.end(), [&](const Row& a, const Row& b) {
    return std::find(splits.begin(), splits.end(), a.split) <
           std::find(splits.begin(), splits.end(), b.split);
  });
  if (splits.empty()) splits.push_back("train");
  return std::unique_ptr<ImageSource>(
      new CsvSource(std::move(rows), std::move(splits), arguments.classes, std::move(targets)));
}

}  // namespace cassle
