#include "cassle/data/sources/row_source.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/image_file.h"

namespace cassle {
namespace {

// Pixels to fractions of the image's width (x) and height (y).
absl::Status DivideBySize(const std::set<std::string>& names, SourceItem* item) {
  CASSLE_ASSIGN_OR_RETURN(const ImageHeader header, ReadImageFileHeader(item->file));
  for (v1::Target& target : item->targets) {
    if (names.count(target.name()) == 0) continue;
    for (int i = 0; i < target.vector().values_size(); ++i) {
      const float side = i % 2 == 0 ? header.width : header.height;
      target.mutable_vector()->set_values(i, target.vector().values(i) / side);
    }
  }
  return absl::OkStatus();
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

ClassColumn MakeClassColumn(const std::string& column, const std::vector<ImageRow>& rows) {
  ClassColumn result;
  std::set<std::string> names;
  for (const ImageRow& row : rows) {
    const auto cell = row.cells.find(column);
    if (cell == row.cells.end() || cell->second.empty()) continue;
    int64_t number = 0;
    if (!absl::SimpleAtoi(cell->second, &number)) result.numeric = false;
    names.insert(cell->second);
  }
  if (!result.numeric) result.names.assign(names.begin(), names.end());
  return result;
}

class RowSource : public ImageSource {
 public:
  RowSource(std::vector<ImageRow> rows, std::vector<std::string> splits,
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
    const ImageRow& row = rows_[next_++];
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
    item->load = [path = row.path, fractions = row.fractions](SourceItem* loaded) -> absl::Status {
      CASSLE_ASSIGN_OR_RETURN(loaded->file, ReadFile(path));
      return fractions.empty() ? absl::OkStatus() : DivideBySize(fractions, loaded);
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

  const std::vector<ImageRow> rows_;
  const std::vector<std::string> splits_;
  // Name and vector size; 0 for a class. Sorted by name.
  std::map<std::string, int> targets_;
  std::map<std::string, ClassColumn> columns_;
  std::vector<std::string> classes_;
  size_t next_ = 0;
};

}  // namespace

std::unique_ptr<ImageSource> MakeRowSource(std::vector<ImageRow> rows,
                                           std::vector<std::string> classes,
                                           std::map<std::string, int> targets) {
  std::vector<std::string> splits;
  for (const ImageRow& row : rows) {
    if (std::find(splits.begin(), splits.end(), row.split) == splits.end()) {
      splits.push_back(row.split);
    }
  }
  SortSplits(&splits);
  std::stable_sort(rows.begin(), rows.end(), [&](const ImageRow& a, const ImageRow& b) {
    return std::find(splits.begin(), splits.end(), a.split) <
           std::find(splits.begin(), splits.end(), b.split);
  });
  if (splits.empty()) splits.push_back("train");
  return std::make_unique<RowSource>(std::move(rows), std::move(splits), std::move(classes),
                                     std::move(targets));
}

}  // namespace cassle
