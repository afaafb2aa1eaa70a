#include "cassle/data/sources/archives/archive_class_folders.h"

#include <algorithm>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/class_by_path.h"
#include "cassle/data/sources/folders/folder_levels.h"

namespace cassle {
namespace {

// "cat" of an archive whose images all lie right in a folder cat/, which is no split's; empty if
// there is no such folder.
std::string FolderOfAll(const Archive& archive) {
  for (size_t i = 0; i < archive.listed.size(); ++i) {
    const size_t slash = archive.listed[i].name.rfind('/');
    const size_t below = archive.places[i].below;
    if (slash == std::string::npos || slash + 1 != below || below != archive.places[0].below) {
      return "";
    }
  }
  if (archive.listed.empty()) return "";
  const std::string folder = BaseName(DirName(archive.listed[0].name));
  return CanonicalSplit(folder).empty() ? folder : "";
}

// An archive of one folder: usually that of the whole set, but a class if another archive has it
// (test.tar has cats alone), or if `asked` says that folders are classes.
void SettleOneFolders(std::vector<Archive>* archives, bool asked, Tally* tally) {
  std::set<std::string> classes;
  std::vector<std::string> only;
  for (const Archive& archive : *archives) {
    only.push_back(FolderOfAll(archive));
    if (!only.back().empty()) continue;
    for (size_t i = 0; i < archive.listed.size(); ++i) {
      classes.emplace(
          ClassOfPath(PathInSplit(archive.listed[i].name, archive.places[i]), ClassBy::kFolder));
    }
  }
  for (size_t a = 0; a < archives->size(); ++a) {
    if (only[a].empty()) continue;
    Archive& archive = (*archives)[a];
    if (asked || classes.count(only[a]) > 0) {
      for (ArchivePlace& place : archive.places) place.below -= only[a].size() + 1;
    } else {
      tally->Decide(absl::StrCat("all images of ", BaseName(archive.name), " lie in ", only[a],
                                 "/, which is taken for no class: --label_from=folder makes it "
                                 "one"));
    }
  }
}

// \error as FolderLevels::TakeTops.
absl::Status CheckClassFolders(const std::vector<Archive>& archives, Tally* tally) {
  FolderLevels levels;
  for (const Archive& archive : archives) {
    for (size_t i = 0; i < archive.listed.size(); ++i) {
      levels.Add(PathInSplit(archive.listed[i].name, archive.places[i]));
    }
  }
  // Above the classes; several archives or splits have no path in common.
  std::string above;
  if (archives.size() == 1) {
    above = archives[0].listed[0].name.substr(0, archives[0].places[0].below);
  }
  return levels.TakeTops({archives[0].name, above, /*flag=*/""}, tally);
}

}  // namespace

absl::Status ChooseFolders(const SourceArguments& arguments, std::vector<Archive>* archives,
                           std::string* label_from) {
  if (!label_from->empty()) return absl::OkStatus();
  const std::optional<ClassBy> asked = ParseClassBy(arguments.label_from);
  if (!arguments.label_from.empty() && !asked.has_value()) return absl::OkStatus();
  const ClassBy by = asked.value_or(ClassBy::kFolder);
  Tally* const tally = arguments.tally.get();
  if (by != ClassBy::kName) SettleOneFolders(archives, asked.has_value(), tally);
  std::set<std::string> classes;
  // Members as messages name them.
  std::string loose, in_folder;
  for (const Archive& archive : *archives) {
    for (size_t i = 0; i < archive.listed.size(); ++i) {
      const std::string path = PathInSplit(archive.listed[i].name, archive.places[i]);
      const absl::string_view class_name = ClassOfPath(path, by);
      if (classes.size() < 2 && !class_name.empty()) classes.emplace(class_name);
      std::string& example = class_name.empty() ? loose : in_folder;
      if (example.empty()) {
        example = absl::StrCat(archive.name, ": '", archive.listed[i].name, "'");
      }
    }
  }
  if (asked.has_value()) {
    *label_from = arguments.label_from;
    if (!in_folder.empty()) return absl::OkStatus();
    return absl::FailedPreconditionError(absl::StrCat("--label_from=", *label_from,
                                                      by == ClassBy::kName
                                                          ? ": no image's name begins with a word"
                                                          : ": no image lies in a folder"));
  }
  if (classes.size() > 1 && loose.empty()) {
    if (arguments.classes.empty()) {
      CASSLE_RETURN_IF_ERROR(CheckClassFolders(*archives, tally));
    }
    *label_from = "folder";
    tally->Decide("labels are the folders inside the archive (--label_from=none leaves them)");
    return absl::OkStatus();
  }
  // ImageNet is a tar of such.
  if (in_folder.empty() && archives->size() > 1 &&
      std::all_of(archives->begin(), archives->end(),
                  [](const Archive& archive) { return archive.split.empty(); })) {
    tally->Decide(absl::StrCat(
        "if each archive is a class (", EscapedName(BaseName((*archives)[0].name)), ", ",
        EscapedName(BaseName((*archives)[1].name)), archives->size() > 2 ? ", ..." : "",
        "), unpack each into a folder of its own and give the folder above"));
  }
  if (loose.empty() || in_folder.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      loose, " lies in no folder that could be a class, but ", in_folder,
      " does: --label_from=folder takes such folders as classes and leaves the other images "
      "without a label, --label_from=none reads all without"));
}

}  // namespace cassle
