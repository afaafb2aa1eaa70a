// Archives (tar, zip; compressed or not): samples in the layout of WebDataset, or folders as
// folder_source.cc reads them.
//   .jpg .png ...     the image (images/image_names.h); the label is beside it, in
//   .cls              the class: its number, or its name
//   .json             a field of it; .txt the name (archive_labels.h says which is taken)
//   folder            else a folder per class, also below train/ val/ test/
//   NAME.cls          the class of a further target NAME
// Every archive is read once for its names and labels, and once for its images (once for each split
// that is inside). An archive is a split if its name starts with one (train-0003.tar.gz); several
// archives of a split are read in the order of their names.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/archives/archive.h"
#include "cassle/data/sources/archives/archive_folders.h"
#include "cassle/data/sources/archives/archive_listing.h"
#include "cassle/data/sources/archives/kept_input.h"
#include "cassle/data/sources/foreign_format.h"
#include "cassle/data/sources/sources.h"
#include "cassle/data/sources/tables/class_column.h"

namespace cassle {
namespace {

// One image, as the second reading needs it.
struct Planned {
  std::string key;
  std::string split;
  int64_t member = 0;
  bool missing = false;
  // Cells of the label and of the targets, by name.
  std::map<std::string, SampleText> cells;
};

struct Archive {
  std::string path;
  // As errors call it.
  std::string name;
  // From its name or a flag; empty: neither says it.
  std::string split;
  std::vector<Planned> images;
};

// "train" of "train-000.tar.gz"; empty if it starts with no name of a split.
std::string SplitOfArchive(const std::string& file) {
  return CanonicalSplit(file.substr(0, file.find_first_of("-_.")));
}

class ArchiveSource : public ImageSource {
 public:
  ArchiveSource(std::vector<Archive> archives, std::vector<std::string> splits,
                std::map<std::string, ClassColumn> columns, std::unique_ptr<KeptInput> input,
                std::shared_ptr<Tally> tally)
      : archives_(std::move(archives)),
        splits_(std::move(splits)),
        columns_(std::move(columns)),
        input_(std::move(input)),
        tally_(std::move(tally)) {}

  const std::vector<std::string>& splits() const override { return splits_; }
  int64_t size() const override {
    int64_t size = 0;
    for (const Archive& archive : archives_) size += archive.images.size();
    return size;
  }

  absl::StatusOr<bool> Next(SourceItem* item) override {
    while (split_ < splits_.size()) {
      if (archive_ == archives_.size()) {
        archive_ = 0;
        ++split_;
        continue;
      }
      const Archive& archive = archives_[archive_];
      while (next_ < archive.images.size() && archive.images[next_].split != splits_[split_]) {
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
    for (const auto& [name, column] : columns_) {
      if (name == "label") {
        for (const std::string& label : column.names()) info->add_classes(label);
        continue;
      }
      v1::TargetInfo* target = info->add_targets();
      target->set_name(name);
      for (const std::string& label : column.names()) target->add_classes(label);
    }
    return absl::OkStatus();
  }

 private:
  absl::Status Fill(const Archive& archive, const Planned& image, SourceItem* item) {
    item->key = image.key;
    item->split = static_cast<int>(split_);
    if (image.missing) {
      item->problem = "the sample has no image, no .jpg for example";
      return absl::OkStatus();
    }
    CASSLE_RETURN_IF_ERROR(ReadMember(archive, image.member));
    item->file = bytes_;
    if (item->file.empty()) item->problem = "the image is empty, 0 bytes";
    for (const auto& [name, cell] : image.cells) AddClass(name, cell, item);
    if (columns_.count("label") > 0 && !item->label.has_value() && image.split != "unlabeled") {
      tally_->Count("images without a label", image.key);
    }
    return absl::OkStatus();
  }

  void AddClass(const std::string& name, const SampleText& cell, SourceItem* item) {
    const absl::StatusOr<int64_t> index = columns_.at(name).Index(cell.text, "");
    if (!cell.problem.empty()) {
      item->problem = cell.problem;
    } else if (!index.ok()) {
      item->problem = absl::StrCat(name, ": ", index.status().message());
    } else if (*index >= 0 && name == "label") {
      item->label = *index;
    } else if (*index >= 0) {
      item->targets.push_back(ClassTargetValue(name, *index));
    }
  }

  // Into bytes_, which links to one member share.
  absl::Status ReadMember(const Archive& archive, int64_t member) {
    if (reader_ == nullptr) {
      CASSLE_ASSIGN_OR_RETURN(reader_, ArchiveReader::Open(archive.path, archive.name));
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
  const std::vector<std::string> splits_;
  // The label, if there are any, and the targets; settled.
  const std::map<std::string, ClassColumn> columns_;
  // Standard input, if that is read.
  const std::unique_ptr<KeptInput> input_;
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

// The archives that the inputs name, and the names of classes that lie beside them.
absl::Status FindArchives(const SourceArguments& arguments, std::vector<Archive>* archives,
                          std::vector<std::string>* classes, std::unique_ptr<KeptInput>* kept) {
  for (const SourceInput& input : arguments.inputs) {
    if (input.path == "-") {
      CASSLE_ASSIGN_OR_RETURN(*kept, KeptInput::FromStandardInput());
      archives->push_back({(*kept)->path(), "standard input", input.split, {}});
      continue;
    }
    const bool folder = IsDirectory(input.path);
    std::vector<std::string> files = {input.path};
    if (folder) {
      CASSLE_ASSIGN_OR_RETURN(files, ListDirectory(input.path));
      files.erase(std::remove_if(files.begin(), files.end(),
                                 [](const std::string& name) { return !IsArchiveName(name); }),
                  files.end());
      if (files.empty()) {
        return absl::FailedPreconditionError(
            absl::StrCat(input.path, ": no .tar, .tar.gz or .zip in this folder"));
      }
    }
    const std::string root = folder ? input.path : DirName(input.path);
    if (classes->empty() && FileExists(JoinPath(root, "classes.txt"))) {
      CASSLE_ASSIGN_OR_RETURN(*classes, ReadLines(JoinPath(root, "classes.txt")));
    }
    for (const std::string& file : files) {
      const std::string path = folder ? JoinPath(input.path, file) : file;
      const std::string split =
          input.split.empty() ? (folder ? SplitOfArchive(file) : std::string()) : input.split;
      archives->push_back({path, path, split, {}});
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

// Do folders tell classes: at least two, and no image outside of them?
bool AreClassFolders(const std::vector<std::vector<ArchivePlace>>& places) {
  std::set<std::string> classes;
  for (const auto& archive : places) {
    for (const ArchivePlace& place : archive) classes.insert(place.class_name);
  }
  return classes.size() > 1 && classes.count("") == 0;
}

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
absl::Status ChooseFolders(const std::vector<std::vector<ArchivePlace>>& places,
                           const SourceArguments& arguments, std::string* label_from) {
  if (arguments.label_from == "folder") *label_from = "folder";
  if (!label_from->empty() || !arguments.label_from.empty()) return absl::OkStatus();
  if (AreClassFolders(places)) {
    *label_from = "folder";
    arguments.tally->Decide(
        "labels are the folders inside the archive (--label_from=none leaves them)");
    return absl::OkStatus();
  }
  const ArchivePlace* loose = nullptr;
  const ArchivePlace* in_folder = nullptr;
  for (const auto& archive : places) {
    for (const ArchivePlace& place : archive) {
      (place.class_name.empty() ? loose : in_folder) = &place;
    }
  }
  if (loose == nullptr || in_folder == nullptr) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "'", loose->below, "' lies in no folder, but '", in_folder->below,
      "' does: are the folders classes? --label_from=folder, or none: images without labels"));
}

}  // namespace

bool IsArchiveName(const std::string& name) {
  for (const char* suffix :
       {".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".zip"}) {
    if (absl::EndsWithIgnoreCase(name, suffix)) return name[0] != '.';
  }
  return false;
}

absl::StatusOr<std::unique_ptr<ImageSource>> OpenArchiveSource(const SourceArguments& arguments) {
  std::vector<Archive> archives;
  std::vector<std::string> names = arguments.classes;
  std::unique_ptr<KeptInput> kept;
  CASSLE_RETURN_IF_ERROR(FindArchives(arguments, &archives, &names, &kept));
  std::vector<std::vector<ListedImage>> listed;
  std::vector<std::vector<ArchivePlace>> places;
  std::vector<const std::vector<SampleText>*> texts;
  for (const Archive& archive : archives) {
    const std::string advice = ForeignFormatAdvice(archive.path);
    if (!advice.empty()) return absl::FailedPreconditionError(advice);
    CASSLE_ASSIGN_OR_RETURN(std::vector<ListedImage> images,
                            ListArchive(archive.path, archive.name, arguments));
    CASSLE_ASSIGN_OR_RETURN(std::vector<ArchivePlace> place,
                            PlaceImages(images, archive.name, archive.split));
    listed.push_back(std::move(images));
    places.push_back(std::move(place));
  }
  for (const auto& images : listed) {
    for (const ListedImage& image : images) texts.push_back(&image.texts);
  }
  CASSLE_ASSIGN_OR_RETURN(std::string label_from,
                          ChooseLabels(texts, arguments.label_from, arguments.tally.get()));
  CASSLE_RETURN_IF_ERROR(ChooseFolders(places, arguments, &label_from));
  std::map<std::string, ClassColumn> columns;
  if (!label_from.empty()) columns["label"];
  std::vector<std::string> splits;
  for (size_t a = 0; a < archives.size(); ++a) {
    for (size_t i = 0; i < listed[a].size(); ++i) {
      ListedImage& image = listed[a][i];
      const ArchivePlace& place = places[a][i];
      CountUnused(image, label_from, arguments.tally.get());
      Planned planned;
      planned.member = image.member;
      planned.missing = image.missing;
      planned.split = !archives[a].split.empty() ? archives[a].split
                      : !place.split.empty()     ? place.split
                                                 : "train";
      const bool by_folder = label_from == "folder" || !place.split.empty();
      planned.key = absl::StrCat(planned.split, "/", by_folder ? place.below : image.name);
      if (label_from == "folder") planned.cells["label"] = {"folder", place.class_name, ""};
      for (SampleText& text : image.texts) {
        if (text.from == label_from) {
          planned.cells["label"] = std::move(text);
        } else if (absl::EndsWith(text.from, ".cls")) {
          planned.cells[text.from.substr(0, text.from.size() - 4)] = std::move(text);
        } else if (!text.problem.empty() && absl::StartsWith(label_from, text.from + ":")) {
          planned.cells["label"] = std::move(text);
        }
      }
      for (const auto& [name, cell] : planned.cells) {
        if (cell.problem.empty()) columns[name].Add(cell.text, planned.key);
      }
      if (std::find(splits.begin(), splits.end(), planned.split) == splits.end()) {
        splits.push_back(planned.split);
      }
      archives[a].images.push_back(std::move(planned));
    }
  }
  SortSplits(&splits);
  for (auto& [name, column] : columns) {
    // A .cls is a number by its definition; folders are names.
    const bool number =
        name != "label" || label_from == "cls" || absl::EndsWith(label_from, ".cls");
    CASSLE_RETURN_IF_ERROR(column.Settle(name, name == "label" ? names : std::vector<std::string>(),
                                         label_from == "folder" && name == "label"
                                             ? ClassColumn::Codes::kNever
                                         : number ? ClassColumn::Codes::kNumbers
                                                  : ClassColumn::Codes::kNames,
                                         arguments.tally.get()));
  }
  return std::unique_ptr<ImageSource>(new ArchiveSource(std::move(archives), std::move(splits),
                                                        std::move(columns), std::move(kept),
                                                        arguments.tally));
}

}  // namespace cassle
