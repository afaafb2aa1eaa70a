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
#include <unordered_map>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
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
        arguments_.tally->Count("names escaped, which are not UTF-8 or have control characters",
                                JoinPath(folder.name, escaped));
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
    std::vector<std::string> sorted = arguments_.classes;
    if (sorted.empty()) {
      for (const FoundClass& found : found_) sorted.push_back(found.name);
      SortClasses(&sorted);
    }
    std::unordered_map<std::string, int32_t> index;
    for (size_t i = 0; i < sorted.size(); ++i) index.emplace(NormalForm(sorted[i]), i);
    std::vector<int32_t> number;
    for (const FoundClass& found : found_) {
      const auto at = index.find(NormalForm(found.name));
      if (at == index.end()) {
        return absl::FailedPreconditionError(absl::StrCat("the class folder '", found.name,
                                                          "' is not among the names in --classes"));
      }
      number.push_back(at->second);
    }
    for (FolderImage& image : images_) {
      if (image.label >= 0) image.label = number[image.label];
    }
    classes_ = std::move(sorted);
    return absl::OkStatus();
  }

  std::vector<FolderImage>& images() { return images_; }
  std::vector<std::string>& classes() { return classes_; }

 private:
  struct FoundClass {
    // Escaped, as it was met first (in the composed form if it was met in several).
    std::string name;
    // Of the splits that have it.
    std::set<int> splits;
  };

  // Returns the number of a class folder in found_, of whatever form its name is.
  int32_t AddClass(const std::string& folder, int split) {
    const std::string name = EscapedName(folder);
    const std::string normal = NormalForm(name);
    const auto [at, added] = class_at_.emplace(normal, static_cast<int32_t>(found_.size()));
    if (added) found_.push_back({name, {}});
    FoundClass& found = found_[at->second];
    if (found.name != name) {
      arguments_.tally->Count("class folders joined: their names differ in Unicode's form alone",
                              normal);
      found.name = normal;
    }
    found.splits.insert(split);
    return at->second;
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
    for (const FoundClass& found : found_) {
      for (int split : found.splits) ++classes_of[split];
      of_train += found.splits.count(0);
    }
    for (const FoundClass& found : found_) {
      if (found.splits.count(0) > 0 || of_train == 0) continue;
      const int split = *found.splits.begin();
      const std::string name = JoinPath(splits[split].split, found.name);
      if (classes_of[split] == 1 && of_train > 1) {
        return absl::FailedPreconditionError(absl::StrCat(
            JoinPath(splits[split].path, UnescapedName(found.name)),
            " is the only folder of the "
            "split ",
            splits[split].split,
            " and no class of train: is it no class? Its images "
            "have no labels if the split's folder is given as --",
            splits[split].split, "=", JoinPath(splits[split].path, UnescapedName(found.name)),
            " (and train's as --train=", splits[0].path, ")"));
      }
      arguments_.tally->Count("classes that train lacks", name);
    }
    return absl::OkStatus();
  }

  void SortClasses(std::vector<std::string>* names) const {
    std::sort(names->begin(), names->end());
    std::vector<std::string> natural = *names;
    std::sort(natural.begin(), natural.end(), NaturalLess);
    if (arguments_.class_order == v1::DatasetLayout::NATURAL) {
      *names = std::move(natural);
      return;
    }
    const bool numbers = std::all_of(names->begin(), names->end(), [](const std::string& name) {
      return std::all_of(name.begin(), name.end(), absl::ascii_isdigit);
    });
    if (numbers && natural != *names) {
      arguments_.tally->Decide(absl::StrCat(
          "the classes are numbers, in the order of their bytes (",
          absl::StrJoin(names->begin(), names->begin() + std::min<size_t>(3, names->size()), ", "),
          ", ...): --class_order=natural orders them by value"));
    }
  }

  const SourceArguments& arguments_;
  std::vector<FolderImage> images_;
  std::vector<FoundClass> found_;
  // By normal form.
  std::unordered_map<std::string, int32_t> class_at_;
  std::vector<std::string> classes_;
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
  std::vector<std::string> splits;
  std::map<std::string, SplitFolder> of_split;
  for (const SplitFolder& folder : folders) {
    const auto [other, added] = of_split.emplace(folder.split, folder);
    if (!added) {
      return absl::FailedPreconditionError(
          absl::StrCat(folder.path, " is a second folder for the split '", folder.split,
                       "' beside ", other->second.path,
                       ": put both into one, or leave one out with "
                       "--leave_out=",
                       folder.name));
    }
    splits.push_back(folder.split);
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
      new FolderSource(std::move(folders), std::move(scan.classes()), std::move(scan.images())));
}

}  // namespace cassle
