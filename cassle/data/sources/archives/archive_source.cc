// Archives (tar, zip; compressed or not): samples in the layout of WebDataset, or folders as
// folder_source.cc reads them.
//   .jpg .png ...     the image (images/image_names.h); the label is beside it, in
//   .cls              the class: its number, or its name
//   .json             a field of it; .txt the name (archive_labels.h says which is taken)
//   folder            else a folder per class, also below train/ val/ test/
//   NAME.cls          the class of a further target NAME
// Every archive is read once for its names and labels, and once for its images (once for each split
// that is inside). The archives of a folder are splits if their names say it (train-0003.tar.gz,
// SplitInName); several archives of a split are read in the order of their names.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/archives/archive.h"
#include "cassle/data/sources/archives/archive_keys.h"
#include "cassle/data/sources/archives/archive_listing.h"
#include "cassle/data/sources/archives/archive_plan.h"
#include "cassle/data/sources/archives/kept_input.h"
#include "cassle/data/sources/folders/mask_names.h"
#include "cassle/data/sources/foreign_format.h"
#include "cassle/data/sources/image_files.h"
#include "cassle/data/sources/names.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

class ArchiveSource : public ImageSource {
 public:
  ArchiveSource(std::vector<Archive> archives, ArchivePlan plan, std::unique_ptr<KeptInput> input,
                const SourceArguments& arguments)
      : archives_(std::move(archives)),
        plan_(std::move(plan)),
        input_(std::move(input)),
        interrupted_(arguments.interrupted),
        tally_(arguments.tally) {
    for (const auto& [name, column] : plan_.targets) target_names_.push_back(name);
  }

  const std::vector<std::string>& splits() const override { return plan_.splits; }
  int64_t size() const override {
    int64_t size = 0;
    for (const Archive& archive : archives_) size += archive.images.size();
    return size;
  }

  absl::StatusOr<bool> Next(SourceItem* item) override {
    while (split_ < plan_.splits.size()) {
      if (archive_ == archives_.size()) {
        archive_ = 0;
        ++split_;
        continue;
      }
      const Archive& archive = archives_[archive_];
      while (next_ < archive.images.size() &&
             archive.images[next_].split != static_cast<int32_t>(split_)) {
        ++next_;
      }
      if (next_ == archive.images.size()) {
        reader_.reset();
        ++archive_;
        next_ = 0;
        continue;
      }
      CASSLE_RETURN_IF_ERROR(Fill(archive, archive.images[next_++], item));
      return true;
    }
    return false;
  }

  absl::Status Describe(v1::DatasetInfo* info) override {
    for (const std::string& name : plan_.classes) info->add_classes(name);
    for (const auto& [name, column] : plan_.targets) {
      v1::TargetInfo* target = info->add_targets();
      target->set_name(name);
      for (const std::string& label : column.names()) target->add_classes(label);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Fill(const Archive& archive, const PlannedImage& image, SourceItem* item) {
    item->key = image.key;
    item->split = image.split;
    item->problem = image.problem;
    if (image.member < 0) return absl::OkStatus();
    CASSLE_RETURN_IF_ERROR(ReadMember(archive, image.member));
    item->file = bytes_;
    if (item->file.empty() && item->problem.empty()) item->problem = "the image is empty, 0 bytes";
    if (image.label >= 0) item->label = image.label;
    for (const auto& [target, index] : image.targets) {
      item->targets.push_back(ClassTargetValue(target_names_[target], index));
    }
    if (plan_.labelled && !item->label.has_value() && plan_.splits[image.split] != "unlabeled") {
      tally_->Count("images without a label", image.key);
    }
    return absl::OkStatus();
  }

  // Into bytes_, which links to one member share.
  absl::Status ReadMember(const Archive& archive, int64_t member) {
    if (reader_ == nullptr) {
      CASSLE_ASSIGN_OR_RETURN(reader_,
                              ArchiveReader::Open(archive.path, archive.name, interrupted_));
      at_ = -1;
    }
    if (at_ == member) return absl::OkStatus();
    while (at_ < member) {
      CASSLE_ASSIGN_OR_RETURN(const bool more, reader_->Next());
      if (!more) {
        return absl::DataLossError(absl::StrCat(archive.name, " changed while it was read"));
      }
      ++at_;
    }
    CASSLE_ASSIGN_OR_RETURN(bytes_, reader_->Read());
    return absl::OkStatus();
  }

  const std::vector<Archive> archives_;
  const ArchivePlan plan_;
  std::vector<std::string> target_names_;
  // Standard input, if that is read.
  const std::unique_ptr<KeptInput> input_;
  const std::function<bool()> interrupted_;
  const std::shared_ptr<Tally> tally_;
  size_t split_ = 0;
  size_t archive_ = 0;
  // Image of the archive.
  size_t next_ = 0;
  std::unique_ptr<ArchiveReader> reader_;
  // Number of the member that was read last, and its bytes.
  int64_t at_ = -1;
  std::string bytes_;
};

constexpr char kClassesFile[] = "classes.txt";

// \error kFailedPrecondition naming two that differ in their compression alone: each image would
// come in twice.
absl::Status CheckNoneIsPackedTwice(const std::string& folder,
                                    const std::vector<std::string>& archives) {
  std::map<absl::string_view, absl::string_view> tars;
  for (const std::string& name : archives) {
    const absl::string_view stem = WithoutTarEnding(name);
    if (stem.empty()) continue;
    const auto [other, added] = tars.emplace(stem, name);
    if (added) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(JoinPath(folder, name), " has the name of ", other->second,
                     " beside it, packed in another way: leave one of them out with --leave_out=",
                     EscapedName(name)));
  }
  return absl::OkStatus();
}

// The archives of a folder, without those that are left out. What else lies there is counted.
absl::StatusOr<std::vector<std::string>> ArchivesOf(const std::string& folder,
                                                    const SourceArguments& arguments) {
  constexpr char kBeside[] = "files and folders that are not named as archives skipped";
  Tally& tally = *arguments.tally;
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(folder));
  std::vector<std::string> archives;
  for (const std::string& name : names) {
    if (name == kClassesFile) continue;
    const std::string escaped = EscapedName(name);
    if (IsLeftover(name)) {
      tally.Count(kLeftovers, escaped);
    } else if (arguments.leave_out->Matches(name)) {
      tally.Count(kLeftOut, escaped);
    } else if (IsSpecial(JoinPath(folder, name))) {
      tally.Count(kSpecialFiles, escaped);
    } else if (IsArchiveName(name)) {
      archives.push_back(name);
    } else if (IsDirectory(JoinPath(folder, name))) {
      tally.Count(kBeside, escaped, "folder");
    } else {
      CountUnread(kBeside, JoinPath(folder, name), escaped, arguments);
    }
  }
  CASSLE_RETURN_IF_ERROR(CheckNoneIsPackedTwice(folder, archives));
  return archives;
}

// The archives that the inputs name, and the names of classes that lie beside them.
absl::Status FindArchives(const SourceArguments& arguments, std::vector<Archive>* archives,
                          std::vector<std::string>* classes, std::unique_ptr<KeptInput>* kept) {
  for (const SourceInput& input : arguments.inputs) {
    if (input.path == "-") {
      CASSLE_ASSIGN_OR_RETURN(
          *kept, KeptInput::FromStandardInput(arguments.interrupted, [&](int64_t bytes) {
            if (arguments.reading) arguments.reading(bytes, 0);
          }));
      archives->push_back({(*kept)->path(), "standard input", input.split, {}, {}, {}});
      continue;
    }
    const bool folder = IsDirectory(input.path);
    std::vector<std::string> files = {input.path};
    if (folder) {
      CASSLE_ASSIGN_OR_RETURN(files, ArchivesOf(input.path, arguments));
      if (files.empty()) {
        return absl::FailedPreconditionError(absl::StrCat(
            input.path, ": no .tar, .tar.gz or .zip in this folder",
            arguments.inputs.size() > 1 ? " (all inputs have one layout: archives beside archives)"
                                        : ""));
      }
    }
    const std::string root = folder ? input.path : DirName(input.path);
    if (classes->empty() && FileExists(JoinPath(root, kClassesFile))) {
      CASSLE_ASSIGN_OR_RETURN(*classes, ReadClassNames(JoinPath(root, kClassesFile)));
    }
    for (const std::string& file : files) {
      const std::string path = folder ? JoinPath(input.path, file) : file;
      const bool named = input.split.empty() && folder && !arguments.only_images;
      if (named && files.size() > 1 && SplitsInName(file).size() > 1) {
        return absl::FailedPreconditionError(absl::StrCat(
            path,
            " has the names of several splits in its own: say what is what with --train=, "
            "--val= and --test="));
      }
      archives->push_back({path, path, named ? SplitInName(file) : input.split, {}, {}, {}});
    }
  }
  const auto unnamed = [](const Archive& archive) { return archive.split.empty(); };
  const auto first = std::find_if(archives->begin(), archives->end(), unnamed);
  const auto odd = std::find_if_not(archives->begin(), archives->end(), unnamed);
  if (first == archives->end() || odd == archives->end()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      first->path, " lies beside ", odd->path,
      " but is not named after a split: name the files with --train=, --val= and --test="));
}

// The first reading: what all archives hold.
absl::Status ListArchives(const SourceArguments& arguments, std::vector<Archive>* archives) {
  int64_t total = 0, before = 0;
  std::vector<int64_t> sizes;
  for (const Archive& archive : *archives) {
    CASSLE_ASSIGN_OR_RETURN(sizes.emplace_back(), FileSize(archive.path));
    if (sizes.back() == 0) {
      return absl::DataLossError(
          absl::StrCat(archive.name, " is empty, 0 bytes: download or pack it again"));
    }
    total += sizes.back();
  }
  for (size_t i = 0; i < archives->size(); ++i) {
    Archive& archive = (*archives)[i];
    const std::string advice = ForeignFormatAdvice(archive.path);
    if (!advice.empty()) {
      // What is kept of standard input has a name of its own.
      return absl::FailedPreconditionError(
          absl::StrReplaceAll(advice, {{archive.path, archive.name}}));
    }
    const auto read = [&](int64_t bytes) {
      if (arguments.reading) arguments.reading(before + std::min(bytes, sizes[i]), total);
    };
    absl::StatusOr<std::vector<ListedImage>> listed =
        ListArchive(archive.path, archive.name, arguments, read);
    // The other archives may hold images.
    if (archives->size() > 1 && IsNoImagesError(listed.status())) {
      return absl::FailedPreconditionError(listed.status().message());
    }
    CASSLE_ASSIGN_OR_RETURN(archive.listed, std::move(listed));
    if (arguments.only_images) {
      archive.places.resize(archive.listed.size());
    } else {
      CASSLE_ASSIGN_OR_RETURN(
          archive.places, PlaceImages(archive.listed, archive.name, archive.split, arguments.splits,
                                      arguments.tally.get()));
      std::vector<absl::string_view> names;
      for (const ListedImage& image : archive.listed) names.push_back(image.name);
      SayMasks(names, arguments.tally.get());
    }
    before += sizes[i];
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSource>> OpenArchiveSource(const SourceArguments& arguments) {
  std::vector<Archive> archives;
  std::vector<std::string> names = arguments.classes;
  std::unique_ptr<KeptInput> kept;
  CASSLE_RETURN_IF_ERROR(FindArchives(arguments, &archives, &names, &kept));
  CASSLE_RETURN_IF_ERROR(ListArchives(arguments, &archives));
  CASSLE_ASSIGN_OR_RETURN(ArchivePlan plan, PlanArchives(arguments, std::move(names), &archives));
  CASSLE_RETURN_IF_ERROR(MakeKeysUnique(&archives, arguments.tally.get()));
  return std::unique_ptr<ImageSource>(
      new ArchiveSource(std::move(archives), std::move(plan), std::move(kept), arguments));
}

}  // namespace cassle
