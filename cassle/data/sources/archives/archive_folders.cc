#include "cassle/data/sources/archives/archive_folders.h"

#include <algorithm>
#include <map>
#include <set>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/folders/folder_levels.h"
#include "cassle/data/sources/folders/folder_splits.h"
#include "cassle/data/sources/image_files.h"
#include "cassle/data/sources/source.h"

namespace cassle {
namespace {

// Length of the folders that all images lie in, with their last slash.
size_t CommonFolders(const std::vector<ListedImage>& images) {
  if (images.empty()) return 0;
  const absl::string_view first = images[0].name;
  size_t common = first.rfind('/') + 1;
  for (const ListedImage& image : images) {
    while (common > 0 && !absl::StartsWith(image.name, first.substr(0, common))) {
      common = common < 2 ? 0 : first.rfind('/', common - 2) + 1;
    }
  }
  return common;
}

// The images of an archive below the folders that all lie in.
class ArchiveTree : public SplitTree {
 public:
  ArchiveTree(const std::vector<ListedImage>& images, size_t root, const std::string& archive)
      : archive_(archive), root_(images[0].name.substr(0, root)) {
    for (const ListedImage& image : images) {
      const absl::string_view below = absl::string_view(image.name).substr(root);
      const absl::string_view folder = FirstFolder(below);
      if (folder.empty()) {
        if (at_top_.empty()) at_top_ = std::string(below);
        continue;
      }
      std::set<std::string>& inside = folders_[std::string(folder)];
      const absl::string_view deeper = FirstFolder(below.substr(folder.size() + 1));
      if (!deeper.empty()) inside.insert(std::string(deeper));
    }
  }

  absl::StatusOr<std::vector<std::string>> Folders(const std::string& below) const override {
    std::vector<std::string> names;
    if (below.empty()) {
      for (const auto& [name, inside] : folders_) names.push_back(name);
    } else {
      const std::set<std::string>& inside = folders_.at(below);
      names.assign(inside.begin(), inside.end());
    }
    return names;
  }
  absl::StatusOr<bool> HasImages(const std::string&) const override { return true; }
  absl::StatusOr<std::string> ImageAtTop() const override { return at_top_; }
  std::string Path(const std::string& name) const override {
    return name.empty() ? archive_ : absl::StrCat(archive_, ": ", root_, name);
  }
  std::string LeaveOutName(const std::string& name) const override {
    return absl::StrCat(root_, name);
  }
  bool HasPaths() const override { return false; }

 private:
  const std::string archive_;
  const std::string root_;
  // Folders at the top, and those inside.
  std::map<std::string, std::set<std::string>> folders_;
  std::string at_top_;
};

}  // namespace

std::string PathInSplit(absl::string_view name, const ArchivePlace& place) {
  const absl::string_view below = name.substr(place.below);
  return place.inside_class ? WithoutSecondFolder(below) : std::string(below);
}

absl::StatusOr<std::vector<ArchivePlace>> PlaceImages(const std::vector<ListedImage>& images,
                                                      const std::string& archive,
                                                      const std::string& split,
                                                      const std::vector<std::string>& asked,
                                                      Tally* tally) {
  const size_t root = CommonFolders(images);
  std::string common_split;
  // A split by its folder.
  std::map<std::string, std::string> splits;
  bool inside_classes = false;
  if (split.empty() && !images.empty()) {
    for (const absl::string_view folder : absl::StrSplit(images[0].name.substr(0, root), '/')) {
      if (common_split.empty()) common_split = CanonicalSplit(std::string(folder));
    }
    if (common_split.empty()) {
      const ArchiveTree tree(images, root, archive);
      CASSLE_ASSIGN_OR_RETURN(std::vector<SplitFolder> found, FindSplitFolders(tree, asked, tally));
      for (SplitFolder& folder : found) {
        if (folder.name.empty()) continue;
        splits[folder.name] = folder.split;
        folder.name = tree.LeaveOutName(folder.name);
      }
      CASSLE_RETURN_IF_ERROR(CheckOnePerSplit(found));
      if (splits.empty()) {
        FolderLevels levels;
        for (const ListedImage& image : images) {
          levels.Add(absl::string_view(image.name).substr(root));
        }
        CASSLE_ASSIGN_OR_RETURN(
            inside_classes,
            levels.HoldSplits({archive, images[0].name.substr(0, root), /*flag=*/""}, tally));
      }
    }
  }
  std::vector<ArchivePlace> places(images.size());
  for (size_t i = 0; i < images.size(); ++i) {
    const absl::string_view name = images[i].name;
    ArchivePlace& place = places[i];
    place.split = common_split;
    place.below = static_cast<uint32_t>(root);
    if (!splits.empty()) {
      const absl::string_view folder = FirstFolder(name.substr(root));
      place.split = splits.at(std::string(folder));
      place.below += static_cast<uint32_t>(folder.size()) + 1;
    }
    if (inside_classes) {
      const absl::string_view below = name.substr(root);
      place.split =
          CanonicalSplit(std::string(FirstFolder(below.substr(FirstFolder(below).size() + 1))));
      place.inside_class = true;
    }
  }
  return places;
}

}  // namespace cassle
