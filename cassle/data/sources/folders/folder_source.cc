// Image folder: a folder per class, images anywhere below it; classes in the order of their names.
//   ROOT/CLASS/**.jpg                       one split, train
//   ROOT/{train,val,test,unlabeled}/CLASS/  splits (folder_splits.h)
//   ROOT/CLASS/{train,val,test,unlabeled}/  the same (folder_levels.h)
//   ROOT/**.jpg without class folders       images without labels
//   any of these with only_images           images without labels or splits; so is one image
// --label_from=folder, parent, name (class_by_path.h) or none decides what is the class. What is
// skipped is counted (image_files.h). Keys and class names are EscapedName of those on disk;
// folders whose names are one in Unicode's normal form are one class.
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/class_by_path.h"
#include "cassle/data/sources/folders/folder_scan.h"
#include "cassle/data/sources/folders/folder_splits.h"
#include "cassle/data/sources/image_files.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

absl::StatusOr<std::string> ReadImage(const std::string& path) {
  absl::StatusOr<std::string> bytes = ReadFile(path);
  std::error_code no_link;
  const std::filesystem::path target =
      bytes.ok() ? "" : std::filesystem::read_symlink(path, no_link);
  if (target.empty()) return bytes;
  return Annotate(bytes.status(), absl::StrCat("a link to ", EscapedName(target.string())));
}

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
    const SplitFolder& folder = folders_[image.split];
    item->key = EscapedName(JoinPath(
        folder.split, folder.inside_classes ? WithoutSecondFolder(image.name) : image.name));
    item->split = image.split;
    if (image.label >= 0) item->label = image.label;
    item->load = [path = JoinPath(folder.path, image.name)](SourceItem* loaded) -> absl::Status {
      CASSLE_ASSIGN_OR_RETURN(loaded->file, ReadImage(path));
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

// The folders of all splits, in the order of the splits.
absl::StatusOr<std::vector<SplitFolder>> AllSplitFolders(const SourceArguments& arguments) {
  std::vector<SplitFolder> folders;
  for (const SourceInput& input : arguments.inputs) {
    if (!IsDirectory(input.path)) {
      return absl::FailedPreconditionError(absl::StrCat(
          input.path, " is a file; an image folder was expected",
          IsArchiveName(input.path) ? ", as all inputs have one layout: unpack the archive first"
                                    : ""));
    }
    if (!input.split.empty() || arguments.only_images) {
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

void CountEmptySplits(const std::vector<SplitFolder>& folders,
                      const std::vector<FolderImage>& images, Tally* tally) {
  std::vector<bool> empty(folders.size(), true);
  for (const FolderImage& image : images) empty[image.split] = false;
  for (size_t split = 0; split < folders.size(); ++split) {
    if (empty[split]) tally->Count("splits without an image", EscapedName(folders[split].split));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSource>> OpenFolderSource(const SourceArguments& arguments) {
  if (arguments.only_images && !IsDirectory(arguments.inputs[0].path)) {
    const std::string& image = arguments.inputs[0].path;
    return std::unique_ptr<ImageSource>(
        new FolderSource({{"", DirName(image), ""}}, {}, {{BaseName(image), 0, -1}}));
  }
  const std::string& from = arguments.label_from;
  if (!from.empty() && from != "none" && !ParseClassBy(from).has_value()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--label_from=", from, ": of a folder it is folder, parent, name or none"));
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<SplitFolder> folders, AllSplitFolders(arguments));
  FolderScan scan(arguments);
  for (const SplitFolder& folder : folders) CASSLE_RETURN_IF_ERROR(scan.Add(folder));
  CASSLE_RETURN_IF_ERROR(scan.Finish());
  if (!scan.images().empty()) CountEmptySplits(folders, scan.images(), arguments.tally.get());
  return std::unique_ptr<ImageSource>(
      new FolderSource(std::move(scan.folders()), scan.classes(), std::move(scan.images())));
}

}  // namespace cassle
