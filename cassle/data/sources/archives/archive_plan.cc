#include "cassle/data/sources/archives/archive_plan.h"

#include <algorithm>
#include <iterator>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/archives/archive_class_folders.h"
#include "cassle/data/sources/archives/archive_labels.h"
#include "cassle/data/sources/class_by_path.h"
#include "cassle/data/sources/class_names.h"
#include "cassle/data/sources/names.h"
#include "cassle/data/sources/tables/label_kinds.h"

namespace cassle {
namespace {

// Counts the members beside an image that were read and say nothing.
void CountUnused(const ListedImage& image, const std::string& label_from, Tally* tally) {
  for (const SampleText& text : image.texts) {
    const bool used = text.from == label_from || absl::StartsWith(label_from, text.from + ":") ||
                      absl::EndsWith(text.from, ".cls");
    if (used || absl::StrContains(text.from, ':')) continue;
    if (!text.problem.empty()) {
      tally->Count(absl::StrCat("members .", text.from, " that cannot be read"), text.problem);
      continue;
    }
    tally->Count(absl::StrCat("members .", text.from, " not read"),
                 absl::StrCat(image.name.substr(0, image.sample_size), ".", text.from));
  }
}

// Turns what was listed into what the second reading needs.
class Planner {
 public:
  Planner(const SourceArguments& arguments, std::string label_from, std::vector<std::string> given)
      : arguments_(arguments),
        label_from_(std::move(label_from)),
        by_(ParseClassBy(label_from_)),
        given_(std::move(given)) {}

  absl::StatusOr<ArchivePlan> Run(std::vector<Archive>* archives) {
    for (Archive& archive : *archives) {
      for (size_t i = 0; i < archive.listed.size(); ++i) Collect(&archive, i);
    }
    // Names that are given have numbers.
    if (given_.empty()) CASSLE_RETURN_IF_ERROR(CheckOneKindOfLabels());
    CASSLE_RETURN_IF_ERROR(Settle());
    SortSplits(&plan_.splits);
    for (Archive& archive : *archives) {
      archive.images.reserve(archive.listed.size());
      for (size_t i = 0; i < archive.listed.size(); ++i) {
        archive.images.push_back(Plan(archive, i));
        archive.listed[i] = {};
      }
      archive.listed = {};
      archive.places = {};
    }
    plan_.labelled = !label_from_.empty();
    plan_.classes = label_from_.empty() ? arguments_.classes
                    : by_.has_value()   ? paths_.names()
                                        : label_.names();
    return std::move(plan_);
  }

 private:
  absl::Status CheckOneKindOfLabels() const {
    const std::optional<LabelKinds::Conflict> conflict = kinds_.Find();
    if (!conflict.has_value()) return absl::OkStatus();
    const auto& [words, numbers] = *conflict;
    return absl::DataLossError(absl::StrCat(
        words.name, ": the labels are names ('", words.word.text, "' of ", words.word.origin,
        "), and those of ", numbers.name, " numbers ('", numbers.number.text, "' of ",
        numbers.number.origin,
        "): write both in one way, say with --classes which name each number has, or encode each "
        "alone"));
  }

  std::string SplitOf(const Archive& archive, size_t i) const {
    const std::string& inside = archive.places[i].split;
    if (!archive.split.empty() || arguments_.only_images) return archive.split;
    return inside.empty() ? "train" : inside;
  }

  // Adds what an image says to the columns, and keeps of its texts those that are one.
  void Collect(Archive* archive, size_t i) {
    ListedImage& image = archive->listed[i];
    const std::string split = SplitOf(*archive, i);
    if (std::find(plan_.splits.begin(), plan_.splits.end(), split) == plan_.splits.end()) {
      plan_.splits.push_back(split);
    }
    CountUnused(image, label_from_, arguments_.tally.get());
    const std::string class_name = ClassByPath(*archive, i);
    if (!class_name.empty()) paths_.Add(class_name, arguments_.tally.get());
    for (SampleText& text : image.texts) {
      text.text = EscapedName(text.text);
      ClassColumn* const column = ColumnOf(text);
      if (column == nullptr || !text.problem.empty()) continue;
      column->Add(text.text, absl::StrCat(BaseName(archive->name), ": ", image.name));
      if (column == &label_) {
        kinds_.Add(absl::StrCat(archive->name, " (", split, ")"), text.text, image.name);
      }
    }
  }

  // Empty if the path is not where labels stand, or says none.
  std::string ClassByPath(const Archive& archive, size_t i) const {
    if (!by_.has_value()) return "";
    return std::string(ClassOfPath(PathInSplit(archive.listed[i].name, archive.places[i]), *by_));
  }

  // Of the label or of a target; null if the text is neither.
  ClassColumn* ColumnOf(const SampleText& text) {
    if (IsLabel(text)) return &label_;
    if (absl::EndsWith(text.from, ".cls")) {
      return &plan_.targets[text.from.substr(0, text.from.size() - 4)];
    }
    return nullptr;
  }

  bool IsLabel(const SampleText& text) const {
    return text.from == label_from_ ||
           (!text.problem.empty() && absl::StartsWith(label_from_, text.from + ":"));
  }

  absl::Status Settle() {
    Tally* const tally = arguments_.tally.get();
    if (by_.has_value()) {
      if (given_.empty()) {
        paths_.Settle(arguments_.class_order, tally);
      } else {
        paths_.SettleAs(given_);
      }
      for (const std::string& name : paths_.found()) {
        if (paths_.Index(name) < 0) return UnknownClassFolder(name);
      }
    } else if (!label_from_.empty()) {
      // A .cls is a number by its definition.
      const bool number = label_from_ == "cls" || absl::EndsWith(label_from_, ".cls");
      CASSLE_RETURN_IF_ERROR(label_.Settle(
          "label", given_, number ? ClassColumn::Codes::kNumbers : ClassColumn::Codes::kNames,
          arguments_.class_order, tally));
    }
    for (auto& [name, column] : plan_.targets) {
      CASSLE_RETURN_IF_ERROR(
          column.Settle(name, {}, ClassColumn::Codes::kNumbers, arguments_.class_order, tally));
    }
    return absl::OkStatus();
  }

  PlannedImage Plan(const Archive& archive, size_t i) {
    const ListedImage& image = archive.listed[i];
    const ArchivePlace& place = archive.places[i];
    const std::string split = SplitOf(archive, i);
    const bool by_folder = (by_.has_value() && *by_ != ClassBy::kName) || !place.split.empty();
    PlannedImage planned;
    planned.key = absl::StrCat(split, split.empty() ? "" : "/",
                               by_folder ? PathInSplit(image.name, place) : image.name);
    planned.member = image.missing ? -1 : image.member;
    planned.split =
        std::find(plan_.splits.begin(), plan_.splits.end(), split) - plan_.splits.begin();
    if (image.missing) {
      planned.problem = "the sample has no image, no .jpg for example";
      return planned;
    }
    const std::string class_name = ClassByPath(archive, i);
    if (!class_name.empty()) planned.label = paths_.Index(class_name);
    for (const SampleText& text : image.texts) {
      const ClassColumn* const column = ColumnOf(text);
      if (column == nullptr) continue;
      const absl::StatusOr<int64_t> index = column->Index(text.text, "");
      const bool label = column == &label_;
      const std::string name = label ? "label" : text.from.substr(0, text.from.size() - 4);
      if (!text.problem.empty()) {
        planned.problem = absl::StrCat("it has no label: ", text.problem);
      } else if (!index.ok()) {
        planned.problem = absl::StrCat(name, ": ", index.status().message());
      } else if (*index >= 0 && label) {
        planned.label = *index;
      } else if (*index >= 0) {
        planned.targets.emplace_back(std::distance(plan_.targets.begin(), plan_.targets.find(name)),
                                     *index);
      }
    }
    std::sort(planned.targets.begin(), planned.targets.end());
    CountPassedOver(image, place, planned.key);
    return planned;
  }

  // Of an image without a label in a folder that may be its class, if others have labels beside
  // them.
  void CountPassedOver(const ListedImage& image, const ArchivePlace& place,
                       const std::string& key) const {
    if (label_from_.empty() || by_.has_value() || !arguments_.label_from.empty()) return;
    if (ClassOfPath(PathInSplit(image.name, place), ClassBy::kFolder).empty()) return;
    if (std::any_of(image.texts.begin(), image.texts.end(),
                    [this](const SampleText& text) { return IsLabel(text); })) {
      return;
    }
    arguments_.tally->Count(
        absl::StrCat("images without a .", label_from_.substr(0, label_from_.find(':')),
                     " whose folder is not taken for their class, as others have one "
                     "(--label_from=folder takes folders)"),
        key);
  }

  const SourceArguments& arguments_;
  const std::string label_from_;
  const std::optional<ClassBy> by_;
  const std::vector<std::string> given_;
  // Of the label, one of the two.
  ClassNames paths_;
  ClassColumn label_;
  LabelKinds kinds_;
  ArchivePlan plan_;
};

}  // namespace

absl::StatusOr<ArchivePlan> PlanArchives(const SourceArguments& arguments,
                                         std::vector<std::string> given,
                                         std::vector<Archive>* archives) {
  if (!given.empty() && arguments.class_order != v1::DatasetLayout::BYTES) {
    return absl::InvalidArgumentError(
        "--class_order: the classes are named in a file, in an order of their own");
  }
  if (arguments.only_images) {
    for (Archive& archive : *archives) {
      for (ListedImage& image : archive.listed) image.texts.clear();
    }
    return Planner(arguments, /*label_from=*/"", /*given=*/{}).Run(archives);
  }
  std::vector<const std::vector<SampleText>*> texts;
  for (const Archive& archive : *archives) {
    for (const ListedImage& image : archive.listed) {
      if (!image.texts.empty()) texts.push_back(&image.texts);
    }
  }
  CASSLE_ASSIGN_OR_RETURN(std::string label_from,
                          ChooseLabels(texts, arguments.label_from, arguments.tally.get()));
  CASSLE_RETURN_IF_ERROR(ChooseFolders(arguments, archives, &label_from));
  return Planner(arguments, std::move(label_from), std::move(given)).Run(archives);
}

}  // namespace cassle
