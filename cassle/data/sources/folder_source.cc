// Image folder: a folder per class, images anywhere below it; classes in the order of their names.
//   ROOT/CLASS/**.jpg                       one split, train
//   ROOT/{train,val,test,unlabeled}/CLASS/  splits (valid, validation, ... also count)
//   ROOT/**.jpg without class folders       images without labels
// Names that begin with a dot are skipped, and so are files that are no images. Images of kinds
// that cannot be decoded here (.webp, .gif, ...) are quarantined, not overlooked.
#include <algorithm>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

enum class Kind { kImage, kForeignImage, kOther };

Kind KindOf(const std::string& path) {
  const std::string name = absl::AsciiStrToLower(BaseName(path));
  const size_t dot = name.rfind('.');
  const std::string extension = dot == std::string::npos ? "" : name.substr(dot);
  for (const char* known : {".jpg", ".jpeg", ".jpe", ".png"}) {
    if (extension == known) return Kind::kImage;
  }
  for (const char* foreign : {".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".heic",
                              ".avif", ".jp2", ".jxl"}) {
    if (extension == foreign) return Kind::kForeignImage;
  }
  return Kind::kOther;
}

bool Hidden(const std::string& path) {
  for (absl::string_view part : absl::StrSplit(path, '/')) {
    if (!part.empty() && part[0] == '.') return true;
  }
  return false;
}

struct FolderImage {
  std::string path;
  // Below the root of its split.
  std::string name;
  int split = 0;
  // Empty: no label.
  std::string class_name;
};

class FolderSource : public ImageSource {
 public:
  FolderSource(std::vector<std::string> splits, std::vector<std::string> classes,
               std::vector<FolderImage> images)
      : splits_(std::move(splits)), classes_(std::move(classes)), images_(std::move(images)) {}

  const std::vector<std::string>& splits() const override { return splits_; }
  int64_t size() const override { return static_cast<int64_t>(images_.size()); }

  absl::StatusOr<bool> Next(SourceItem* item) override {
    if (next_ == images_.size()) return false;
    const FolderImage& image = images_[next_++];
    item->key = absl::StrCat(splits_[image.split], "/", image.name);
    item->split = image.split;
    if (!image.class_name.empty()) {
      item->label =
          std::find(classes_.begin(), classes_.end(), image.class_name) - classes_.begin();
    }
    if (KindOf(image.name) == Kind::kForeignImage) {
      item->problem = "images of this kind cannot be read: convert it to JPEG or PNG";
      return true;
    }
    item->load = [path = image.path](SourceItem* loaded) -> absl::Status {
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
  const std::vector<std::string> splits_;
  const std::vector<std::string> classes_;
  const std::vector<FolderImage> images_;
  size_t next_ = 0;
};

// Appends the images of one split and adds its classes.
absl::Status ScanSplit(const std::string& root, int split, std::vector<FolderImage>* images,
                       std::set<std::string>* classes) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> files, ListFilesBelow(root));
  const FolderImage* loose = nullptr;
  std::vector<FolderImage> found;
  found.reserve(files.size());
  bool any_class = false;
  for (const std::string& file : files) {
    if (Hidden(file) || KindOf(file) == Kind::kOther) continue;
    const size_t slash = file.find('/');
    const bool in_class = slash != std::string::npos;
    found.push_back(
        {JoinPath(root, file), file, split, in_class ? file.substr(0, slash) : std::string()});
    any_class = any_class || in_class;
  }
  for (const FolderImage& image : found) {
    if (image.class_name.empty()) loose = &image;
  }
  if (any_class && loose != nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(loose->path,
                     " lies beside the class folders: it has no class. Move it into "
                     "one, or away"));
  }
  for (FolderImage& image : found) {
    if (!image.class_name.empty()) classes->insert(image.class_name);
    images->push_back(std::move(image));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ImageSource>> OpenFolderSource(const SourceArguments& arguments) {
  // The root of every split.
  std::vector<SourceInput> roots;
  for (const SourceInput& input : arguments.inputs) {
    if (!IsDirectory(input.path)) {
      return absl::FailedPreconditionError(
          absl::StrCat(input.path, " is a file; an image folder was expected"));
    }
    CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(input.path));
    std::vector<SourceInput> below;
    bool all_splits = input.split.empty();
    for (const std::string& name : names) {
      const std::string path = JoinPath(input.path, name);
      if (Hidden(name) || !IsDirectory(path)) continue;
      below.push_back({CanonicalSplit(name), path});
      if (below.back().split.empty()) all_splits = false;
    }
    if (all_splits && !below.empty()) {
      roots.insert(roots.end(), below.begin(), below.end());
    } else {
      roots.push_back({input.split.empty() ? "train" : input.split, input.path});
    }
  }
  std::vector<std::string> splits;
  for (const SourceInput& root : roots) {
    if (std::find(splits.begin(), splits.end(), root.split) != splits.end()) {
      return absl::FailedPreconditionError(
          absl::StrCat(root.path, " is a second folder for the split '", root.split, "'"));
    }
    splits.push_back(root.split);
  }
  SortSplits(&splits);
  std::vector<FolderImage> images;
  std::set<std::string> found;
  for (size_t i = 0; i < splits.size(); ++i) {
    for (const SourceInput& root : roots) {
      if (root.split != splits[i]) continue;
      CASSLE_RETURN_IF_ERROR(ScanSplit(root.path, static_cast<int>(i), &images, &found));
    }
  }
  std::vector<std::string> classes = arguments.classes;
  if (classes.empty()) classes.assign(found.begin(), found.end());
  for (const std::string& name : found) {
    if (std::find(classes.begin(), classes.end(), name) == classes.end()) {
      return absl::FailedPreconditionError(
          absl::StrCat("the class folder '", name, "' is not among the names in --classes"));
    }
  }
  return std::unique_ptr<ImageSource>(
      new FolderSource(std::move(splits), std::move(classes), std::move(images)));
}

}  // namespace cassle
