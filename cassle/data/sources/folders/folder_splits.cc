#include "cassle/data/sources/folders/folder_splits.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/file_tree.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/image_files.h"

namespace cassle {
namespace {

class SplitFinder {
 public:
  SplitFinder(const SplitTree& tree, const std::vector<std::string>& asked, Tally* tally)
      : tree_(tree), asked_(asked), tally_(tally) {}

  absl::StatusOr<std::vector<SplitFolder>> Run() {
    CASSLE_ASSIGN_OR_RETURN(folders_, tree_.Folders(""));
    std::vector<SplitFolder> splits;
    std::vector<std::string> odd;
    for (const std::string& name : folders_) {
      const bool asked = std::find(asked_.begin(), asked_.end(), name) != asked_.end();
      const std::string split = asked ? name : CanonicalSplit(name);
      if (split.empty()) {
        odd.push_back(name);
      } else {
        splits.push_back({split, tree_.Path(name), name});
      }
    }
    if (splits.empty()) {
      CASSLE_RETURN_IF_ERROR(CheckHalfNames());
      return Whole();
    }
    std::vector<std::string> empty;
    for (const std::string& name : odd) {
      CASSLE_ASSIGN_OR_RETURN(const bool images, tree_.HasImages(name));
      if (!images) empty.push_back(name);
    }
    if (empty.size() < odd.size()) {
      CASSLE_ASSIGN_OR_RETURN(const bool is_class, TrainIsAClass(splits));
      if (is_class) return Whole();
      odd.erase(std::remove_if(odd.begin(), odd.end(),
                               [&](const std::string& name) {
                                 return std::binary_search(empty.begin(), empty.end(), name);
                               }),
                odd.end());
      return BesideSplits(splits, odd);
    }
    for (const std::string& name : empty) {
      tally_->Count("folders without an image skipped", EscapedName(name));
    }
    CASSLE_ASSIGN_OR_RETURN(const std::string image, tree_.ImageAtTop());
    if (image.empty()) return splits;
    return absl::FailedPreconditionError(absl::StrCat(
        tree_.Path(image), " lies beside the splits ", Names(splits),
        ": move it into one, or leave it out with --leave_out=", tree_.LeaveOutName(image)));
  }

 private:
  std::vector<SplitFolder> Whole() const { return {{"train", tree_.Path(""), "", /*whole=*/true}}; }

  // Sets of things have a class "train" (VOC, COCO, CIFAR-100): images right inside, beside others.
  absl::StatusOr<bool> TrainIsAClass(const std::vector<SplitFolder>& splits) const {
    if (splits.size() > 1 || splits[0].name != "train" || folders_.size() < 3) return false;
    CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> inside, tree_.Folders("train"));
    if (!inside.empty()) return false;
    for (const std::string& name : folders_) {
      if (name != "train" && !SplitsInName(name).empty()) return false;
    }
    tally_->Decide(
        absl::StrCat("train/ is taken as a class, as it holds no folders and lies beside ",
                     folders_.size() - 1, " others"));
    return true;
  }

  static std::string Names(const std::vector<SplitFolder>& splits) {
    return absl::StrJoin(splits, ", ", [](std::string* out, const SplitFolder& split) {
      absl::StrAppend(out, split.name, "/");
    });
  }

  // "--train=ROOT/train --test=ROOT/test"; empty where flags cannot say it: two folders of a split.
  std::string Flags(const std::vector<SplitFolder>& splits) const {
    if (!tree_.HasPaths() || !CheckOnePerSplit(splits).ok()) return "";
    return absl::StrJoin(splits, " ", [](std::string* out, const SplitFolder& split) {
      absl::StrAppend(out, "--", split.split, "=", split.path);
    });
  }

  absl::Status BesideSplits(const std::vector<SplitFolder>& splits,
                            const std::vector<std::string>& odd) const {
    const std::string path = tree_.Path(odd[0]);
    const std::string flags = Flags(splits);
    const std::string names =
        absl::StrJoin(odd, ",", [&](std::string* out, const std::string& name) {
          absl::StrAppend(out, tree_.LeaveOutName(name));
        });
    return absl::FailedPreconditionError(absl::StrCat(
        path, " holds images and lies beside the splits ", Names(splits),
        odd.size() > 1 ? absl::StrCat(" (as do ", odd.size() - 1, " more)") : "",
        ": leave it out with --leave_out=", names,
        flags.empty() ? ""
                      : absl::StrCat(", or say what is what: ", flags, ", with --unlabeled=", path,
                                     " if that is a split"),
        ", name the splits with --splits=",
        absl::StrJoin(
            splits, ",",
            [](std::string* out, const SplitFolder& split) { absl::StrAppend(out, split.split); }),
        ",", odd[0], ", or --label_from=folder --train=", tree_.Path(""),
        " if all folders are classes"));
  }

  // No folder is called as a split, but some have the words in their names: train2017/ and
  // val2017/, whatever lies beside them.
  absl::Status CheckHalfNames() const {
    std::vector<SplitFolder> half;
    std::set<std::string> splits;
    std::string other;
    for (const std::string& name : folders_) {
      const std::vector<std::string> said = SplitsInName(name);
      if (said.empty() && !other.empty()) continue;
      CASSLE_ASSIGN_OR_RETURN(const bool images, tree_.HasImages(name));
      if (!images) continue;
      if (said.empty()) {
        other = name;
        continue;
      }
      half.push_back({said[0], tree_.Path(name), name});
      splits.insert(said[0]);
    }
    if (splits.size() < 2) return absl::OkStatus();
    std::string flags = Flags(half);
    if (!flags.empty() && !other.empty()) {
      absl::StrAppend(&flags, ", which leaves ", other, "/ out");
      if (splits.count("unlabeled") == 0) {
        absl::StrAppend(&flags, " (--unlabeled=", tree_.Path(other), " reads it, too)");
      }
    }
    return absl::FailedPreconditionError(absl::StrCat(
        tree_.Path(""), ": the folders ", Names(half), " may be splits or classes: ",
        !flags.empty()     ? absl::StrCat("give ", flags)
        : tree_.HasPaths() ? "move them into folders train/, val/ and test/, or list the images in "
                             "a CSV with the columns path,label,split"
                           : "pack each split as an archive of its own",
        ", or --label_from=folder --train=", tree_.Path(""), " if they are classes"));
  }

  const SplitTree& tree_;
  const std::vector<std::string>& asked_;
  Tally* const tally_;
  std::vector<std::string> folders_;
};

// On the disk.
class FolderTree : public SplitTree {
 public:
  FolderTree(const std::string& root, const SourceArguments& arguments)
      : root_(root), arguments_(arguments) {}

  absl::StatusOr<std::vector<std::string>> Folders(const std::string& below) const override {
    const std::string path = JoinPath(root_, below);
    CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(path));
    std::vector<std::string> folders;
    for (const std::string& name : names) {
      if (!IsLeftover(name) && IsDirectory(JoinPath(path, name)) &&
          !IsLinkLoop(JoinPath(path, name)) &&
          !arguments_.leave_out->Matches(JoinPath(below, name))) {
        folders.push_back(name);
      }
    }
    return folders;
  }

  absl::StatusOr<bool> HasImages(const std::string& folder) const override {
    // What is found here is counted where the splits themselves are listed.
    SourceArguments silent = arguments_;
    silent.tally = std::make_shared<Tally>();
    CASSLE_ASSIGN_OR_RETURN(const ImageFiles files, ListImageFiles(JoinPath(root_, folder), folder,
                                                                   silent, OtherFiles::kIgnore));
    return !files.images.empty();
  }

  absl::StatusOr<std::string> ImageAtTop() const override {
    CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(root_));
    for (const std::string& name : names) {
      if (IsLeftover(name)) {
        arguments_.tally->Count(kLeftovers, EscapedName(name));
      } else if (arguments_.leave_out->Matches(name)) {
        arguments_.tally->Count(kLeftOut, EscapedName(name));
      } else if (IsLinkLoop(JoinPath(root_, name))) {
        arguments_.tally->Count(kLinkLoops, EscapedName(name));
      } else if (IsSpecial(JoinPath(root_, name))) {
        arguments_.tally->Count(kSpecialFiles, EscapedName(name));
      } else if (!IsDirectory(JoinPath(root_, name))) {
        if (IsImageFile(root_, name)) return name;
        CountUnread(kNoImages, JoinPath(root_, name), EscapedName(name), arguments_);
      }
    }
    return std::string();
  }

  std::string Path(const std::string& name) const override {
    return name.empty() ? root_ : JoinPath(root_, name);
  }
  std::string LeaveOutName(const std::string& name) const override { return name; }
  bool HasPaths() const override { return true; }

 private:
  const std::string& root_;
  const SourceArguments& arguments_;
};

}  // namespace

absl::StatusOr<std::vector<SplitFolder>> FindSplitFolders(const SplitTree& tree,
                                                          const std::vector<std::string>& asked,
                                                          Tally* tally) {
  return SplitFinder(tree, asked, tally).Run();
}

absl::StatusOr<std::vector<SplitFolder>> FindSplitFolders(const std::string& root,
                                                          const SourceArguments& arguments) {
  return FindSplitFolders(FolderTree(root, arguments), arguments.splits, arguments.tally.get());
}

absl::Status CheckOnePerSplit(const std::vector<SplitFolder>& folders) {
  std::map<std::string, const SplitFolder*> of_split;
  for (const SplitFolder& folder : folders) {
    const auto [other, added] = of_split.emplace(folder.split, &folder);
    if (added) continue;
    return absl::FailedPreconditionError(
        absl::StrCat(folder.path, " is a second folder for the split '", folder.split, "' beside ",
                     other->second->path,
                     ": put both into one, or leave one out with --leave_out=", folder.name));
  }
  return absl::OkStatus();
}

}  // namespace cassle
