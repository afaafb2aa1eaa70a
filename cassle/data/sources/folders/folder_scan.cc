#include "cassle/data/sources/folders/folder_scan.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/class_by_path.h"
#include "cassle/data/sources/folders/mask_names.h"
#include "cassle/data/sources/names.h"

namespace cassle {
namespace {

// The flag that may name another folder in place of that of a split.
std::string FlagOf(const SplitFolder& folder) {
  return folder.whole ? "--input" : absl::StrCat("--", folder.split);
}

}  // namespace

absl::Status FolderScan::Add(const SplitFolder& folder) {
  CASSLE_ASSIGN_OR_RETURN(const ImageFiles files,
                          ListImageFiles(folder.path, folder.name, arguments_, OtherFiles::kCount));
  if (arguments_.only_images) {
    folders_.push_back(folder);
    for (const std::string& image : files.images) {
      CASSLE_RETURN_IF_ERROR(AddImage(folder, image, "", static_cast<int>(folders_.size()) - 1));
    }
    return absl::OkStatus();
  }
  SayMasks({files.images.begin(), files.images.end()}, arguments_.tally.get());
  FolderLevels levels;
  for (const std::string& image : files.images) levels.Add(image);
  const FolderNaming naming = {folder.path, folder.name.empty() ? "" : folder.name + "/",
                               FlagOf(folder)};
  images_.reserve(images_.size() + files.images.size());
  loose_.clear();
  any_class_ = false;
  std::string above;
  bool inside_classes = false;
  if (folder.whole) {
    CASSLE_ASSIGN_OR_RETURN(inside_classes, levels.HoldSplits(naming, arguments_.tally.get()));
  }
  const bool told = !arguments_.classes.empty() || !arguments_.label_from.empty();
  if (inside_classes && !told) CASSLE_RETURN_IF_ERROR(levels.CheckWords(naming));
  if (inside_classes) {
    CASSLE_RETURN_IF_ERROR(AddInsideClasses(folder, files.images));
  } else {
    CASSLE_ASSIGN_OR_RETURN(above, FoldersAbove(folder, files.images));
    if (above.empty() && !told) {
      CASSLE_RETURN_IF_ERROR(levels.TakeTops(naming, arguments_.tally.get()));
    }
    folders_.push_back(folder);
    for (const std::string& image : files.images) {
      CASSLE_RETURN_IF_ERROR(AddImage(folder, image, absl::string_view(image).substr(above.size()),
                                      static_cast<int>(folders_.size()) - 1));
    }
  }
  CASSLE_RETURN_IF_ERROR(CheckLoose(folder));
  for (const std::string& name : files.folders) {
    if (name.find('/') == std::string::npos && !levels.HasTop(name)) {
      arguments_.tally->Count("folders without an image skipped",
                              EscapedName(JoinPath(folder.name, name)));
    }
  }
  return absl::OkStatus();
}

// path: what of the name tells the class.
absl::Status FolderScan::AddImage(const SplitFolder& folder, const std::string& name,
                                  absl::string_view path, int split) {
  const std::string escaped = EscapedName(name);
  if (escaped != name) arguments_.tally->Count(kNamesEscaped, JoinPath(folder.name, escaped));
  images_.push_back({name, split, -1});
  if (arguments_.only_images || arguments_.label_from == "none") return absl::OkStatus();
  const std::string class_name(
      ClassOfPath(path, ParseClassBy(arguments_.label_from).value_or(ClassBy::kFolder)));
  if (class_name.empty()) {
    if (loose_.empty()) loose_ = name;
    return absl::OkStatus();
  }
  any_class_ = true;
  if (class_name != class_before_ || split != split_before_) {
    label_ = names_.Add(EscapedName(class_name), arguments_.tally.get());
    if (label_ == static_cast<int32_t>(splits_of_.size())) splits_of_.emplace_back();
    splits_of_[label_].insert(split);
    class_before_ = class_name;
    split_before_ = split;
  }
  images_.back().label = label_;
  return absl::OkStatus();
}

// CLASS/SPLIT/**.jpg: one folder for each of the splits.
absl::Status FolderScan::AddInsideClasses(const SplitFolder& folder,
                                          const std::vector<std::string>& images) {
  const auto split_of = [](absl::string_view image) {
    return CanonicalSplit(std::string(FirstFolder(image.substr(FirstFolder(image).size() + 1))));
  };
  std::set<std::string> found;
  for (const std::string& image : images) found.insert(split_of(image));
  std::vector<std::string> splits(found.begin(), found.end());
  SortSplits(&splits);
  for (const std::string& split : splits) {
    folders_.push_back({split, folder.path, "", /*whole=*/true, /*inside_classes=*/true});
  }
  for (const std::string& image : images) {
    const auto split = std::find(splits.begin(), splits.end(), split_of(image));
    CASSLE_RETURN_IF_ERROR(AddImage(folder, image, WithoutSecondFolder(image),
                                    static_cast<int>(split - splits.begin())));
  }
  std::stable_sort(images_.begin(), images_.end(),
                   [](const FolderImage& a, const FolderImage& b) { return a.split < b.split; });
  return absl::OkStatus();
}

absl::Status FolderScan::CheckLoose(const SplitFolder& folder) {
  const bool by_name = arguments_.label_from == "name";
  if (loose_.empty() || (!any_class_ && arguments_.label_from.empty())) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      EscapedName(JoinPath(folder.path, loose_)),
      by_name ? ": the name begins with no word that could be its class (--label_from=name). "
                "Leave it out with --leave_out="
              : " lies beside the class folders: it has no class. Move it into one, or leave it "
                "out with --leave_out=",
      EscapedName(JoinPath(folder.name, loose_)),
      by_name ? "" : "; --label_from=none reads all images without labels"));
}

absl::Status FolderScan::Finish() {
  CASSLE_RETURN_IF_ERROR(CheckSplits());
  if (names_.found().size() == 1 && arguments_.label_from.empty() && arguments_.classes.empty()) {
    TakeOnlyClass();
  }
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

// train/images/ and test/images/ say where the images lie.
void FolderScan::TakeOnlyClass() {
  const std::string only = names_.found()[0];
  if (!SaysPictures(only)) {
    arguments_.tally->Decide(absl::StrCat("all images are of one class, ", only,
                                          ", by their folder: --label_from=none leaves it"));
    return;
  }
  arguments_.tally->Decide(absl::StrCat("all images lie in ", only,
                                        "/, which is taken for no class: --label_from=folder "
                                        "makes it one"));
  names_ = ClassNames();
  for (FolderImage& image : images_) image.label = -1;
}

// Most archives of "photos" hold a folder "photos", and somebody unpacks test.zip into test/.
// Returns what of all paths is above the class folders: "" or, in a split's folder that holds one
// of its own name or the split's, that.
absl::StatusOr<std::string> FolderScan::FoldersAbove(const SplitFolder& folder,
                                                     const std::vector<std::string>& images) const {
  if (!arguments_.classes.empty()) return std::string();
  const std::string only = OnlyFolder(images);
  const std::string name = only.substr(0, only.empty() ? 0 : only.size() - 1);
  const bool repeated = !folder.whole && name == BaseName(folder.path);
  if (!only.empty() && (repeated || CanonicalSplit(name) == folder.split)) {
    arguments_.tally->Decide(absl::StrCat(
        EscapedName(JoinPath(folder.name.empty() ? BaseName(folder.path) : folder.name, only)),
        " repeats the name of its split: it is taken as the split's folder, not as a class"));
    return only;
  }
  if (!arguments_.label_from.empty()) return std::string();
  const std::string above = FoldersAboveClasses(images);
  if (above.empty()) return above;
  std::set<absl::string_view> classes;
  for (const std::string& image : images) {
    if (classes.size() == 3) break;
    classes.insert(FirstFolder(absl::string_view(image).substr(above.size())));
  }
  const std::string inner = JoinPath(folder.path, above.substr(0, above.size() - 1));
  return absl::FailedPreconditionError(
      absl::StrCat("all images of ", folder.path, " lie in folders of ", inner, " (",
                   absl::StrJoin(classes, "/, "),
                   "/): is that the folder that was meant? Give it as ", FlagOf(folder), "=", inner,
                   ", or take ", only, " as the only class with --label_from=folder"));
}

// What the classes of one split say about those of another.
absl::Status FolderScan::CheckSplits() const {
  if (folders_.size() < 2 || folders_[0].split != "train") return absl::OkStatus();
  std::vector<int> classes_of(folders_.size());
  int of_train = 0;
  for (const std::set<int>& has : splits_of_) {
    for (int split : has) ++classes_of[split];
    of_train += has.count(0);
  }
  if (!arguments_.label_from.empty() || of_train < 2) return absl::OkStatus();
  for (size_t i = 0; i < splits_of_.size(); ++i) {
    if (splits_of_[i].count(0) > 0) continue;
    const int split = *splits_of_[i].begin();
    const std::string& class_name = names_.found()[i];
    const std::string& name = folders_[split].split;
    if (folders_[split].inside_classes || classes_of[split] > 1) continue;
    const std::string path = JoinPath(folders_[split].path, UnescapedName(class_name));
    return absl::FailedPreconditionError(absl::StrCat(
        path, " is the only folder of the split ", name,
        " and no class of train: is it no class? Its images have no labels if the split's folder "
        "is given as --",
        name, "=", path, " (and train's as --train=", folders_[0].path, ")"));
  }
  return absl::OkStatus();
}

}  // namespace cassle
