// Image folder: a folder per class, images anywhere below it; classes in the order of their names.
//   ROOT/CLASS/**.jpg                       one split, train
//   ROOT/{train,val,test,unlabeled}/CLASS/  splits (folder_splits.h)
//   ROOT/**.jpg without class folders       images without labels
// What is skipped is counted (image_files.h). Keys and class names are EscapedName of those on
// disk; folders whose names are one in Unicode's normal form are one class.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/class_names.h"
#include "cassle/data/sources/folder_splits.h"
#include "cassle/data/sources/image_files.h"
#include "cassle/data/sources/names.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

// Small: there may be millions.
struct FolderImage {
  // Below the folder of its split.
  std::string name;
  int32_t split = 0;
  // -1: none.
  int32_t label = -1;
};

class FolderSource : public ImageSource {
 public:
  FolderSource(std::vector<SplitFolder> splits, std::vector<std::string> classes,
               std::vector<FolderImage> images)
      : folders_(std::move(splits)), classes_(std::move(classes)), images_(std::move(images)) {
    for (const SplitFolder& folder : folders_) splits_.push_back(folder.split);
  }

  const std::vector<std::string>& splits() const override { return splits_; }
  int64_t size() const override { return static_cast<int64_t>(images_.size()); }

  absl::StatusOr<bool> Next(SourceItem* item) override {
    if (next_ == images_.size()) return false;
    const FolderImage& image = images_[next_++];
    item->key = EscapedName(JoinPath(splits_[image.split], image.name));
    item->split = image.split;
    if (image.label >= 0) item->label = image.label;
    item->load = [path = JoinPath(folders_[image.split].path, image.name)](
                     SourceItem* loaded) -> absl::Status {
      CASSLE_ASSIGN_OR_RETURN(loaded->file, ReadFile(path));
      return absl::OkStatus();
    };
    return true;
  }

  absl::Status Describe(v1::DatasetInfo* info) override {
    for (const std::string& name : classes_) info->add_classes(name);
    return absl::OkStatus();
  }

 private:
  const std::vector<SplitFolder> folders_;
  const std::vector<std::string> classes_;
  const std::vector<FolderImage> images_;
  std::vector<std::string> splits_;
  size_t next_ = 0;
};

// Collects the images of all splits; classes are numbered once all are known.
class FolderScan {
 public:
  explicit FolderScan(const SourceArguments& arguments) : arguments_(arguments) {}

  absl::Status AddSplit(const SplitFolder& folder, int split) {
    CASSLE_ASSIGN_OR_RETURN(const ImageFiles files, ListImageFiles(folder.path, folder.name,
                                                                   arguments_, OtherFiles::kCount));
    CASSLE_ASSIGN_OR_RETURN(const std::string above, FoldersAbove(folder, files.images));
    std::set<std::string> classes;
    const std::string* loose = nullptr;
    std::string class_before;
    int32_t label = -1;
    images_.reserve(images_.size() + files.images.size());
    for (const std::string& name : files.images) {
      const std::string escaped = EscapedName(name);
      if (escaped != name) {
        arguments_.tally->Count(kNamesEscaped, JoinPath(folder.name, escaped));
      }
      const std::string class_name(FirstFolder(absl::string_view(name).substr(above.size())));
      if (class_name.empty()) {
        loose = &name;
        images_.push_back({name, split, -1});
        continue;
      }
      if (class_name != class_before) {
        label = AddClass(class_name, split);
        classes.insert(class_name);
        class_before = class_name;
      }
      images_.push_back({name, split, label});
    }
    if (!classes.empty() && loose != nullptr) {
      return absl::FailedPreconditionError(absl::StrCat(
          JoinPath(folder.path, *loose),
          " lies beside the class folders: it has no class. Move it into one, or leave it out with "
          "--leave_out=",
          JoinPath(folder.name, *loose)));
    }
    for (const std::string& name : files.folders) {
      if (name.find('/') == std::string::npos && absl::StrCat(name, "/") != above &&
          classes.count(name) == 0) {
        arguments_.tally->Count("folders without an image skipped",
                                EscapedName(JoinPath(folder.name, name)));
      }
    }
    return absl::OkStatus();
  }

  // Numbers the classes.
  absl::Status Finish(const std::vector<SplitFolder>& splits) {
    CASSLE_RETURN_IF_ERROR(CheckSplits(splits));
    if (arguments_.classes.empty()) {
      names_.Settle(arguments_.class_order, arguments_.tally.get());
    } else {
      names_.SettleAs(arguments_.classes);
    }
    std::vector<int32_t> number;
    for (const std::string& name : names_.found()) {
      number.push_back(names_.Index(name));
      if (number.back() < 0) return UnknownClassFolder(name);
    }
    for (FolderImage& image : images_) {
      if (image.label >= 0) image.label = number[image.label];
    }
    return absl::OkStatus();
  }

  std::vector<FolderImage>& images() { return images_; }
  const std::vector<std::string>& classes() const { return names_.names(); }

 private:
  // Returns the place of a class folder in found_.
  int32_t AddClass(const std::string& folder, int split) {
    const int32_t at = names_.Add(EscapedName(folder), arguments_.tally.get());
    if (at == static_cast<int32_t>(splits_of_.size())) splits_of_.emplace_back();
    splits_of_[at].insert(split);
    return at;
  }

  // Most archives of "photos" hold a folder "photos", and somebody unpacks test.zip into test/.
  // Returns what of all paths is above the class folders: "" or, in a split's folder that holds one
  // of the split's name, that.
  absl::StatusOr<std::string> FoldersAbove(const SplitFolder& folder,
                                           const std::vector<std::string>& images) const {
    if (!arguments_.classes.empty()) return std::string();
    const std::string only = OnlyFolder(images);
    if (!only.empty() && CanonicalSplit(only.substr(0, only.size() - 1)) == folder.split) {
      arguments_.tally->Decide(absl::StrCat(
          EscapedName(JoinPath(folder.name, only)),
          " repeats the name of its split: it is taken as the split's folder, not as a class"));
      return only;
    }
    const std::string above = FoldersAboveClasses(images);
    if (above.empty()) return above;
    std::set<absl::string_view> classes;
    for (const std::string& image : images) {
      if (classes.size() == 3) break;
      classes.insert(FirstFolder(absl::string_view(image).substr(above.size())));
    }
    const std::string inner = JoinPath(folder.path, above.substr(0, above.size() - 1));
    return absl::FailedPreconditionError(absl::StrCat(
        "all images of ", folder.path, " lie in folders of ", inner, " (",
        absl::StrJoin(classes, "/, "), "/): is that the folder that was meant? Give it as --",
        folder.name.empty() && folder.split == "train" ? "input" : folder.split, "=", inner,
        ", or name its classes with --classes if ", only, " is the only one"));
  }

  // What the classes of one split say about those of another.
  absl::Status CheckSplits(const std::vector<SplitFolder>& splits) const {
    if (splits.size() < 2 || splits[0].split != "train") return absl::OkStatus();
    std::vector<int> classes_of(splits.size());
    int of_train = 0;
    for (const std::set<int>& has : splits_of_) {
      for (int split : has) ++classes_of[split];
      of_train += has.count(0);
    }
    for (size_t i = 0; i < splits_of_.size(); ++i) {
      if (splits_of_[i].count(0) > 0 || of_train == 0) continue;
      const int split = *splits_of_[i].begin();
      const std::string& class_name = names_.found()[i];
      const std::string name = JoinPath(splits[split].split, class_name);
      if (classes_of[split] == 1 && of_train > 1) {
        return absl::FailedPreconditionError(absl::StrCat(
            JoinPath(splits[split].path, UnescapedName(class_name)),
            " is the only folder of the "
            "split ",
            splits[split].split,
            " and no class of train: is it no class? Its images "
            "have no labels if the split's folder is given as --",
            splits[split].split, "=", JoinPath(splits[split].path, UnescapedName(class_name)),
            " (and train's as --train=", splits[0].path, ")"));
      }
      arguments_.tally->Count("classes that train lacks", name);
    }
    return absl::OkStatus();
  }

  const SourceArguments& arguments_;
  std::vector<FolderImage> images_;
  ClassNames names_;
  // The splits that have each of names_.found().
  std::vector<std::set<int>> splits_of_;
};

// The folders of all splits, in the order of the splits.
absl::StatusOr<std::vector<SplitFolder>> AllSplitFolders(const SourceArguments& arguments) {
  std::vector<SplitFolder> folders;
  for (const SourceInput& input : arguments.inputs) {
    if (!IsDirectory(input.path)) {
      return absl::FailedPreconditionError(
          absl::StrCat(input.path, " is a file; an image folder was expected"));
    }
    if (!input.split.empty()) {
      folders.push_back({input.split, input.path, ""});
      continue;
    }
    CASSLE_ASSIGN_OR_RETURN(const std::vector<SplitFolder> found,
                            FindSplitFolders(input.path, arguments));
    folders.insert(folders.end(), found.begin(), found.end());
  }
  CASSLE_RETURN_IF_ERROR(CheckOnePerSplit(folders));
  std::vector<std::string> splits;
  std::map<std::string, SplitFolder> of_split;
  for (SplitFolder& folder : folders) {
    splits.push_back(folder.split);
    of_split[folder.split] = std::move(folder);
  }
  SortSplits(&splits);
  folders.clear();
  for (const std::string& split : splits) folders.push_back(of_split[split]);
  return folders;
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSource>> OpenFolderSource(const SourceArguments& arguments) {
  CASSLE_ASSIGN_OR_RETURN(std::vector<SplitFolder> folders, AllSplitFolders(arguments));
  FolderScan scan(arguments);
  for (size_t i = 0; i < folders.size(); ++i) {
    CASSLE_RETURN_IF_ERROR(scan.AddSplit(folders[i], static_cast<int>(i)));
  }
  CASSLE_RETURN_IF_ERROR(scan.Finish(folders));
  return std::unique_ptr<ImageSource>(
      new FolderSource(std::move(folders), scan.classes(), std::move(scan.images())));
}

}  // namespace cassle
