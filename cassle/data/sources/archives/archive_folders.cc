#include "cassle/data/sources/archives/archive_folders.h"

#include <algorithm>
#include <map>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cassle/data/sources/source.h"

namespace cassle {
namespace {

using Parts = std::vector<std::string>;

// How many folders all images have in common.
size_t CommonFolders(const std::vector<Parts>& names) {
  if (names.empty()) return 0;
  size_t common = names[0].size() - 1;
  for (const Parts& name : names) {
    size_t same = 0;
    while (same < std::min(common, name.size() - 1) && name[same] == names[0][same]) ++same;
    common = same;
  }
  return common;
}

}  // namespace

absl::StatusOr<std::vector<ArchivePlace>> PlaceImages(const std::vector<ListedImage>& images,
                                                      const std::string& archive,
                                                      const std::string& split) {
  std::vector<Parts> names;
  for (const ListedImage& image : images) names.push_back(absl::StrSplit(image.name, '/'));
  size_t root = CommonFolders(names);
  std::string common_split;
  // Folders of splits at the root, and one that is none.
  std::map<std::string, std::string> splits;
  std::string odd;
  if (split.empty()) {
    for (size_t i = 0; i < root && common_split.empty(); ++i) {
      common_split = CanonicalSplit(names[0][i]);
    }
    for (size_t i = 0; i < names.size() && common_split.empty(); ++i) {
      const std::string canonical =
          names[i].size() > root + 1 ? CanonicalSplit(names[i][root]) : std::string();
      if (canonical.empty()) {
        odd = images[i].name;
        continue;
      }
      const auto [known, added] = splits.emplace(canonical, names[i][root]);
      if (!added && known->second != names[i][root]) {
        return absl::FailedPreconditionError(absl::StrCat(archive, ": '", names[i][root],
                                                          "' is a second folder for the split '",
                                                          canonical, "'"));
      }
    }
    // One class may be called "test".
    if (!odd.empty() && splits.size() == 1 && splits.count("train") == 0) splits.clear();
    if (!odd.empty() && !splits.empty()) {
      return absl::FailedPreconditionError(
          absl::StrCat(archive, ": '", odd, "' lies beside the folder '", splits.begin()->second,
                       "' of a split, but in none: pack the archive without it"));
    }
  }
  std::vector<ArchivePlace> places;
  for (const Parts& name : names) {
    ArchivePlace place;
    place.split = common_split;
    size_t at = root;
    if (!splits.empty()) place.split = CanonicalSplit(name[at++]);
    if (name.size() > at + 1) place.class_name = name[at];
    place.below = absl::StrJoin(name.begin() + at, name.end(), "/");
    places.push_back(std::move(place));
  }
  return places;
}

}  // namespace cassle
