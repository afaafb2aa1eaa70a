#include "cassle/data/sources/archives/archive_plan.h"

#include <algorithm>
#include <iterator>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/archives/archive_labels.h"
#include "cassle/data/sources/class_names.h"
#include "cassle/data/sources/names.h"

namespace cassle {
namespace {

// Counts the members beside an image that were read and say nothing.
void CountUnused(const ListedImage& image, const std::string& label_from, Tally* tally) {
  for (const SampleText& text : image.texts) {
    const bool used = text.from == label_from || absl::StartsWith(label_from, text.from + ":") ||
                      absl::EndsWith(text.from, ".cls");
    if (used || absl::StrContains(text.from, ':')) continue;
    tally->Count(absl::StrCat("members .", text.from, " not read"), image.name);
  }
}

// Looks for folders where no member beside the images has their labels; then label_from is
// "folder". Says so, unless it was asked for.
absl::Status ChooseFolders(const std::vector<Archive>& archives, const SourceArguments& arguments,
                           std::string* label_from) {
  if (!label_from->empty()) return absl::OkStatus();
  if (!arguments.label_from.empty() && arguments.label_from != "folder") return absl::OkStatus();
  std::set<absl::string_view> classes;
  std::string loose, in_folder;
  for (const Archive& archive : archives) {
    for (size_t i = 0; i < archive.listed.size(); ++i) {
      const absl::string_view name = archive.listed[i].name;
      const absl::string_view class_name = ClassFolder(name, archive.places[i]);
      if (classes.size() < 2 && !class_name.empty()) classes.insert(class_name);
      std::string& example = class_name.empty() ? loose : in_folder;
      if (example.empty()) example = std::string(name.substr(archive.places[i].below));
    }
  }
  if (arguments.label_from == "folder") {
    *label_from = "folder";
    if (!in_folder.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        "--label_from=folder: all images lie in one folder, or in none");
  }
  if (classes.size() > 1 && loose.empty()) {
    *label_from = "folder";
    arguments.tally->Decide(
        "labels are the folders inside the archive (--label_from=none leaves them)");
    return absl::OkStatus();
  }
  if (loose.empty() || in_folder.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "'", loose, "' lies in no folder, but '", in_folder,
      "' does: are the folders classes? --label_from=folder, or none: images without labels"));
}

// Turns what was listed into what the second reading needs.
class Planner {
 public:
  Planner(const SourceArguments& arguments, std::string label_from, std::vector<std::string> given)
      : arguments_(arguments), label_from_(std::move(label_from)), given_(std::move(given)) {}

  absl::StatusOr<ArchivePlan> Run(std::vector<Archive>* archives) {
    for (Archive& archive : *archives) {
      for (size_t i = 0; i < archive.listed.size(); ++i) Collect(&archive, i);
    }
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
    plan_.classes = label_from_.empty()       ? arguments_.classes
                    : label_from_ == "folder" ? folders_.names()
                                              : label_.names();
    return std::move(plan_);
  }

 private:
  std::string SplitOf(const Archive& archive, size_t i) const {
    const std::string& inside = archive.places[i].split;
    return !archive.split.empty() ? archive.split : !inside.empty() ? inside : "train";
  }

  // Adds what an image says to the columns, and keeps of its texts those that are one.
  void Collect(Archive* archive, size_t i) {
    ListedImage& image = archive->listed[i];
    const std::string split = SplitOf(*archive, i);
    if (std::find(plan_.splits.begin(), plan_.splits.end(), split) == plan_.splits.end()) {
      plan_.splits.push_back(split);
    }
    CountUnused(image, label_from_, arguments_.tally.get());
    const absl::string_view folder = ClassFolder(image.name, archive->places[i]);
    if (label_from_ == "folder" && !folder.empty()) {
      folders_.Add(std::string(folder), arguments_.tally.get());
    }
    for (SampleText& text : image.texts) {
      text.text = EscapedName(text.text);
      ClassColumn* const column = ColumnOf(text);
      if (column != nullptr && text.problem.empty()) column->Add(text.text, image.name);
    }
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
    if (label_from_ == "folder") {
      if (given_.empty()) {
        folders_.Settle(arguments_.class_order, tally);
      } else {
        folders_.SettleAs(given_);
      }
      for (const std::string& name : folders_.found()) {
        if (folders_.Index(name) < 0) return UnknownClassFolder(name);
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
    const bool by_folder = label_from_ == "folder" || !place.split.empty();
    PlannedImage planned;
    planned.key =
        absl::StrCat(split, "/", absl::string_view(image.name).substr(by_folder ? place.below : 0));
    planned.member = image.missing ? -1 : image.member;
    planned.split =
        std::find(plan_.splits.begin(), plan_.splits.end(), split) - plan_.splits.begin();
    if (image.missing) {
      planned.problem = "the sample has no image, no .jpg for example";
      return planned;
    }
    if (label_from_ == "folder") {
      planned.label = folders_.Index(std::string(ClassFolder(image.name, place)));
    }
    for (const SampleText& text : image.texts) {
      const ClassColumn* const column = ColumnOf(text);
      if (column == nullptr) continue;
      const absl::StatusOr<int64_t> index = column->Index(text.text, "");
      const bool label = column == &label_;
      const std::string name = label ? "label" : text.from.substr(0, text.from.size() - 4);
      if (!text.problem.empty()) {
        planned.problem = text.problem;
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
    return planned;
  }

  const SourceArguments& arguments_;
  const std::string label_from_;
  const std::vector<std::string> given_;
  // Of the label, one of the two.
  ClassNames folders_;
  ClassColumn label_;
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
  std::vector<const std::vector<SampleText>*> texts;
  for (const Archive& archive : *archives) {
    for (const ListedImage& image : archive.listed) {
      if (!image.texts.empty()) texts.push_back(&image.texts);
    }
  }
  CASSLE_ASSIGN_OR_RETURN(std::string label_from,
                          ChooseLabels(texts, arguments.label_from, arguments.tally.get()));
  CASSLE_RETURN_IF_ERROR(ChooseFolders(*archives, arguments, &label_from));
  return Planner(arguments, std::move(label_from), std::move(given)).Run(archives);
}

}  // namespace cassle
