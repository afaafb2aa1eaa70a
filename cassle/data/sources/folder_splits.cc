#include "cassle/data/sources/folder_splits.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/image_names.h"
#include "cassle/data/sources/image_files.h"

namespace cassle {
namespace {

// The split whose name is a word of the folder's: train of "seg_train", "train2017" and
// "Training Set"; empty if none is.
std::string SplitWithin(const std::string& name) {
  std::string word;
  for (size_t i = 0; i <= name.size(); ++i) {
    if (i < name.size() && absl::ascii_isalpha(name[i])) {
      word.push_back(name[i]);
      continue;
    }
    const std::string split = CanonicalSplit(word);
    if (!split.empty()) return split;
    word.clear();
  }
  return "";
}

class SplitFinder {
 public:
  SplitFinder(const std::string& root, const SourceArguments& arguments)
      : root_(root), arguments_(arguments) {}

  absl::StatusOr<std::vector<SplitFolder>> Run() {
    CASSLE_ASSIGN_OR_RETURN(folders_, FoldersIn(""));
    std::vector<SplitFolder> splits;
    std::vector<std::string> odd;
    for (const std::string& name : folders_) {
      const std::string split = CanonicalSplit(name);
      if (split.empty()) {
        odd.push_back(name);
      } else {
        splits.push_back({split, JoinPath(root_, name), name});
      }
    }
    if (splits.empty()) {
      CASSLE_RETURN_IF_ERROR(CheckHalfNames());
      return WholeRoot();
    }
    std::vector<std::string> empty;
    for (const std::string& name : odd) {
      CASSLE_ASSIGN_OR_RETURN(const bool images, HasImages(name));
      if (!images) empty.push_back(name);
    }
    if (empty.size() < odd.size()) {
      CASSLE_ASSIGN_OR_RETURN(const bool is_class, TrainIsAClass(splits));
      if (is_class) return WholeRoot();
      odd.erase(std::remove_if(odd.begin(), odd.end(),
                               [&](const std::string& name) {
                                 return std::binary_search(empty.begin(), empty.end(), name);
                               }),
                odd.end());
      return BesideSplits(splits, odd);
    }
    for (const std::string& name : empty) {
      arguments_.tally->Count("folders without an image skipped", EscapedName(name));
    }
    CASSLE_RETURN_IF_ERROR(CheckFilesBeside(splits));
    return splits;
  }

 private:
  std::vector<SplitFolder> WholeRoot() const { return {{"train", root_, ""}}; }

  // Names of the folders in a folder of the root, leftovers and what is left out apart.
  absl::StatusOr<std::vector<std::string>> FoldersIn(const std::string& below) const {
    const std::string path = JoinPath(root_, below);
    CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(path));
    std::vector<std::string> folders;
    for (const std::string& name : names) {
      if (!IsLeftover(name) && IsDirectory(JoinPath(path, name)) &&
          !arguments_.leave_out->Matches(JoinPath(below, name))) {
        folders.push_back(name);
      }
    }
    return folders;
  }

  absl::StatusOr<bool> HasImages(const std::string& name) const {
    // What is found here is counted where the splits themselves are listed.
    SourceArguments silent = arguments_;
    silent.tally = std::make_shared<Tally>();
    CASSLE_ASSIGN_OR_RETURN(const ImageFiles files, ListImageFiles(JoinPath(root_, name), name,
                                                                   silent, OtherFiles::kIgnore));
    return !files.images.empty();
  }

  // Sets of things have a class "train" (VOC, COCO, CIFAR-100): images right inside, beside others.
  absl::StatusOr<bool> TrainIsAClass(const std::vector<SplitFolder>& splits) const {
    if (splits.size() > 1 || splits[0].name != "train" || folders_.size() < 3) return false;
    CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> inside, FoldersIn("train"));
    if (!inside.empty()) return false;
    arguments_.tally->Decide(
        absl::StrCat("train/ is taken as a class, as it holds no folders and lies beside ",
                     folders_.size() - 1, " others"));
    return true;
  }

  // Counts what lies beside the splits. An image there belongs to none.
  absl::Status CheckFilesBeside(const std::vector<SplitFolder>& splits) const {
    CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(root_));
    for (const std::string& name : names) {
      const char* phrase = kNoImages;
      if (IsLeftover(name)) {
        phrase = kLeftovers;
      } else if (arguments_.leave_out->Matches(name)) {
        phrase = kLeftOut;
      } else if (IsDirectory(JoinPath(root_, name))) {
        continue;
      } else if (IsImageName(name)) {
        return absl::FailedPreconditionError(
            absl::StrCat(JoinPath(root_, name), " lies beside the splits ", Names(splits),
                         ": move it into one, or leave it out with --leave_out=", name));
      }
      arguments_.tally->Count(phrase, EscapedName(name));
    }
    return absl::OkStatus();
  }

  static std::string Names(const std::vector<SplitFolder>& splits) {
    return absl::StrJoin(splits, ", ", [](std::string* out, const SplitFolder& split) {
      absl::StrAppend(out, split.name, "/");
    });
  }

  // "--train=ROOT/train --test=ROOT/test".
  std::string Flags(const std::vector<SplitFolder>& splits) const {
    return absl::StrJoin(splits, " ", [](std::string* out, const SplitFolder& split) {
      absl::StrAppend(out, "--", split.split, "=", split.path);
    });
  }

  absl::Status BesideSplits(const std::vector<SplitFolder>& splits,
                            const std::vector<std::string>& odd) const {
    return absl::FailedPreconditionError(absl::StrCat(
        JoinPath(root_, odd[0]), " holds images and lies beside the splits ", Names(splits),
        odd.size() > 1 ? absl::StrCat(" (as do ", odd.size() - 1, " more)") : "",
        ": leave it out with --leave_out=", absl::StrJoin(odd, ","),
        ", or say what is what: ", Flags(splits), ", with --unlabeled=", JoinPath(root_, odd[0]),
        " if that is a split, or --train=", root_, " if all folders are classes"));
  }

  // No folder is called as a split, but some have the word in their name.
  absl::Status CheckHalfNames() const {
    std::vector<SplitFolder> half;
    std::set<std::string> splits;
    for (const std::string& name : folders_) {
      const std::string split = SplitWithin(name);
      if (split.empty()) continue;
      half.push_back({split, JoinPath(root_, name), name});
      splits.insert(split);
    }
    if (splits.size() < 2) return absl::OkStatus();
    bool holds_classes = false;
    for (const SplitFolder& folder : half) {
      CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> inside, FoldersIn(folder.name));
      holds_classes = holds_classes || !inside.empty();
    }
    // train_station/ and test_tube/ among other classes are classes.
    if (!holds_classes && half.size() < folders_.size()) return absl::OkStatus();
    return absl::FailedPreconditionError(
        absl::StrCat(root_, ": the folders ", Names(half), " may be splits or classes: give ",
                     Flags(half), ", or --train=", root_, " if they are classes"));
  }

  const std::string& root_;
  const SourceArguments& arguments_;
  std::vector<std::string> folders_;
};

}  // namespace

absl::StatusOr<std::vector<SplitFolder>> FindSplitFolders(const std::string& root,
                                                          const SourceArguments& arguments) {
  return SplitFinder(root, arguments).Run();
}

}  // namespace cassle
