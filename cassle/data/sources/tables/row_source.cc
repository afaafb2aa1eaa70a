#include "cassle/data/sources/tables/row_source.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <optional>
#include <unordered_map>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_file.h"
#include "cassle/data/images/image_file.h"
#include "cassle/data/sources/tables/cell_number.h"
#include "cassle/data/sources/tables/label_kinds.h"

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

class RowSource : public ImageSource {
 public:
  RowSource(std::vector<ImageRow> rows, std::vector<std::string> splits,
            std::map<std::string, int> targets, std::map<std::string, ClassColumn> columns,
            std::shared_ptr<Tally> tally)
      : rows_(std::move(rows)),
        splits_(std::move(splits)),
        targets_(std::move(targets)),
        columns_(std::move(columns)),
        tally_(std::move(tally)) {}

  const std::vector<std::string>& splits() const override { return splits_; }
  int64_t size() const override { return static_cast<int64_t>(rows_.size()); }

  std::vector<std::string> named_files() const override {
    std::vector<std::string> files;
    files.reserve(rows_.size());
    for (const ImageRow& row : rows_) files.push_back(row.path);
    return files;
  }

  absl::StatusOr<bool> Next(SourceItem* item) override {
    if (next_ == rows_.size()) return false;
    const ImageRow& row = rows_[next_++];
    item->key = row.split.empty() ? row.key : absl::StrCat(row.split, "/", row.key);
    item->split =
        static_cast<int>(std::find(splits_.begin(), splits_.end(), row.split) - splits_.begin());
    for (const auto& [name, cell] : row.cells) {
      if (name == "label") {
        CASSLE_ASSIGN_OR_RETURN(const int64_t label, columns_.at(name).Index(cell, row.origin));
        if (label >= 0) item->label = label;
        // Of the unlabeled split nobody expects labels.
        if (label < 0 && row.split != "unlabeled") tally_->Count("rows without a label", item->key);
        continue;
      }
      CASSLE_RETURN_IF_ERROR(AddTarget(name, cell, row.origin, item));
    }
    item->load = [path = row.path, fractions = row.fractions](SourceItem* loaded) -> absl::Status {
      absl::StatusOr<std::string> bytes = ReadFile(path);
      if (absl::IsNotFound(bytes.status()) && !IsUtf8(path)) {
        return Annotate(
            bytes.status(),
            "the list is not UTF-8 (if it is of Windows, iconv -f WINDOWS-1252 -t UTF-8 "
            "makes UTF-8 of it)");
      }
      CASSLE_ASSIGN_OR_RETURN(loaded->file, std::move(bytes));
      return fractions.empty() ? absl::OkStatus() : DivideBySize(fractions, loaded);
    };
    return true;
  }

  absl::Status Describe(v1::DatasetInfo* info) override {
    for (const std::string& name : columns_.at("label").names()) info->add_classes(name);
    for (const auto& [name, size] : targets_) {
      v1::TargetInfo* target = info->add_targets();
      target->set_name(name);
      target->set_vector_size(size);
      if (size == 0) {
        for (const std::string& label : columns_.at(name).names()) target->add_classes(label);
      }
    }
    return absl::OkStatus();
  }

 private:
  absl::Status AddTarget(const std::string& name, const std::string& cell,
                         const std::string& origin, SourceItem* item) {
    const int size = targets_.at(name);
    v1::Target target;
    target.set_name(name);
    bool absent = IsEmptyOrNan(cell) || (size > 0 && IsWordForNothing(cell));
    if (size == 0) {
      CASSLE_ASSIGN_OR_RETURN(const int64_t index, columns_.at(name).Index(cell, origin));
      target.set_class_index(index);
      absent = index < 0;
    } else if (!absent) {
      for (absl::string_view word : absl::StrSplit(cell, ' ', absl::SkipEmpty())) {
        float value = 0;
        if (HasDecimalComma(word)) {
          tally_->Decide(absl::StrCat(name, ": commas are taken for decimal points"));
          value = static_cast<float>(*CellNumber(word));
        } else if (!absl::SimpleAtof(word, &value)) {
          return absl::DataLossError(absl::StrCat(
              origin, ": ", name, " '", word, "' is no number",
              absl::StrContains(word, ',') ? " (numbers are separated by blanks)" : ""));
        }
        if (std::isinf(value)) {
          return absl::DataLossError(
              absl::StrCat(origin, ": ", name, " '", word, "' is no finite number"));
        }
        absent = absent || std::isnan(value);
        target.mutable_vector()->add_values(value);
      }
      if (target.vector().values_size() != size) {
        return absl::DataLossError(absl::StrCat(origin, ": column ", name, ":", size, " holds ",
                                                target.vector().values_size(), " numbers"));
      }
    }
    if (absent) {
      tally_->Count(absl::StrCat("rows without the target ", name), item->key);
      return absl::OkStatus();
    }
    item->targets.push_back(std::move(target));
    return absl::OkStatus();
  }

  const std::vector<ImageRow> rows_;
  const std::vector<std::string> splits_;
  // Name and vector size; 0 for a class. Sorted by name.
  const std::map<std::string, int> targets_;
  // Those of classes, settled.
  const std::map<std::string, ClassColumn> columns_;
  const std::shared_ptr<Tally> tally_;
  size_t next_ = 0;
};

// Decides what the columns of further targets hold. Nobody may want one of them, so one that cannot
// be read is left out, with a word, instead of ending all.
void SettleTargets(ClassColumn::Codes codes, const SourceArguments& arguments,
                   std::map<std::string, int>* targets,
                   std::map<std::string, ClassColumn>* columns) {
  Tally* const tally = arguments.tally.get();
  std::vector<std::string> numbered;
  for (auto target = targets->begin(); target != targets->end();) {
    const std::string& name = target->first;
    const auto column = columns->find(name);
    if (target->second > 0) {
      ++target;
    } else if (column->second.AreMeasures()) {
      tally->Decide(absl::StrCat(name,
                                 ": the numbers have fractions or are negative: they are no "
                                 "classes, but a target of numbers, as of a column ",
                                 name, ":1"));
      target->second = 1;
      columns->erase(column);
      ++target;
    } else {
      const absl::Status settled =
          column->second.EveryCellDiffers()
              ? absl::DataLossError(
                    "every row has another one (a target of numbers is called "
                    "NAME:1)")
              : column->second.Settle(name, {}, codes, arguments.class_order, tally);
      if (settled.ok()) {
        // Those of 0 and 1 nobody takes for measured.
        if (column->second.LargestNumber() > 1) numbered.push_back(name);
        ++target;
        continue;
      }
      tally->Decide(absl::StrCat("the column ", name, " is not read: ", settled.message()));
      columns->erase(column);
      target = targets->erase(target);
    }
  }
  if (!numbered.empty()) {
    tally->Decide(absl::StrCat(absl::StrJoin(numbered, ", "),
                               ": whole numbers are taken for classes (a column ", numbered[0],
                               ":1 is a target of numbers)"));
  }
}

absl::Status CheckOneKindOfLabels(const std::vector<ImageRow>& rows) {
  LabelKinds kinds;
  for (const ImageRow& row : rows) {
    const auto cell = row.cells.find("label");
    if (cell != row.cells.end()) kinds.Add(row.split, cell->second, row.origin);
  }
  const std::optional<LabelKinds::Conflict> conflict = kinds.Find();
  if (!conflict.has_value()) return absl::OkStatus();
  const auto& [words, numbers] = *conflict;
  return absl::DataLossError(absl::StrCat(
      words.word.origin, ": the labels of ", words.name, " are names ('", words.word.text,
      "'), and those of ", numbers.name, " numbers ('", numbers.number.text, "', ",
      numbers.number.origin, "): write both in one way, or encode each split alone"));
}

}  // namespace

absl::StatusOr<std::string> SplitOfCell(const std::string& cell, const std::string& origin,
                                        bool odd) {
  const std::string canonical = CanonicalSplit(cell);
  if (!canonical.empty()) return canonical;
  if (odd) return cell;
  return absl::FailedPreconditionError(absl::StrCat(
      origin, ": '", cell, "' is none of the splits train, val, test, unlabeled; --splits=", cell,
      ",... names those that are wanted, whatever they are called "
      "(--join_splits=train makes one of them all)"));
}

absl::Status DropRepeatedRows(std::vector<ImageRow>* rows, Tally* tally) {
  std::unordered_map<std::string, size_t> first;
  std::unordered_map<std::string, std::string> split_of;
  std::vector<ImageRow> kept;
  kept.reserve(rows->size());
  for (ImageRow& row : *rows) {
    const auto [known, added] = first.emplace(absl::StrCat(row.split, "/", row.path), kept.size());
    if (added) {
      const auto [other, alone] = split_of.emplace(row.path, row.split);
      if (!alone) {
        tally->Count("images that are in several splits",
                     absl::StrCat(row.key, " in ", other->second, " and ", row.split));
      }
      kept.push_back(std::move(row));
      continue;
    }
    const ImageRow& before = kept[known->second];
    if (row.cells != before.cells) {
      return absl::DataLossError(absl::StrCat(row.origin, ": '", row.key, "' is the image of ",
                                              before.origin,
                                              " too, where other cells say other "
                                              "things of it: an image has one row"));
    }
    tally->Count("rows that repeat an image left out", row.key);
  }
  *rows = std::move(kept);
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<ImageSource>> MakeRowSource(std::vector<ImageRow> rows,
                                                           std::vector<std::string> classes,
                                                           std::map<std::string, int> targets,
                                                           ClassColumn::Codes codes,
                                                           const SourceArguments& arguments) {
  Tally* const tally = arguments.tally.get();
  std::map<std::string, ClassColumn> columns;
  columns["label"];
  for (const auto& [name, size] : targets) {
    if (size == 0) columns[name];
  }
  for (const ImageRow& row : rows) {
    for (const auto& [name, cell] : row.cells) {
      const auto column = columns.find(name);
      if (column != columns.end()) column->second.Add(cell, row.origin);
    }
  }
  if (classes.empty()) CASSLE_RETURN_IF_ERROR(CheckOneKindOfLabels(rows));
  CASSLE_RETURN_IF_ERROR(
      columns.at("label").Settle("label", std::move(classes), codes, arguments.class_order, tally));
  if (columns.at("label").EveryCellDiffers()) {
    tally->Decide("label: every row has a class of its own");
  }
  SettleTargets(codes, arguments, &targets, &columns);
  for (ImageRow& row : rows) {
    for (auto cell = row.cells.begin(); cell != row.cells.end();) {
      const bool read = cell->first == "label" || targets.count(cell->first) > 0;
      cell = read ? std::next(cell) : row.cells.erase(cell);
    }
  }
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
  return std::unique_ptr<ImageSource>(new RowSource(
      std::move(rows), std::move(splits), std::move(targets), std::move(columns), arguments.tally));
}

}  // namespace cassle
