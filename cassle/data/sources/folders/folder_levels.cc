#include "cassle/data/sources/folders/folder_levels.h"

#include <algorithm>
#include <initializer_list>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/image_files.h"
#include "cassle/data/sources/part_folders.h"
#include "cassle/data/sources/source.h"

namespace cassle {
namespace {

// "a/, b/, c/, ...".
template <class Names>
std::string SomeFolders(const Names& names) {
  constexpr size_t kMost = 3;
  std::vector<std::string> some;
  for (const auto& name : names) {
    some.push_back(some.size() == kMost ? "..." : absl::StrCat(OneLine(name), "/"));
    if (some.size() > kMost) break;
  }
  return absl::StrJoin(some, ", ");
}

bool IsWord(const std::string& name, std::initializer_list<absl::string_view> words) {
  const std::string lower = absl::AsciiStrToLower(name);
  return std::any_of(words.begin(), words.end(), [&](absl::string_view word) {
    return lower == word || lower == absl::StrCat(word, "s");
  });
}

// What goes with each picture.
bool SaysMasks(const std::string& name) {
  return IsWord(name,
                {"mask", "label", "annotation", "groundtruth", "ground_truth", "gt", "segmentation",
                 "segmentationclass", "segmentationobject", "depth", "edge", "saliency", "trimap",
                 "disparity", "normal", "gtfine", "gtcoarse", "segmim"});
}

}  // namespace

bool SaysPictures(const std::string& name) {
  return IsWord(name, {"image", "img", "jpegimage", "pngimage", "photo", "picture", "rgb"});
}

void FolderLevels::Add(absl::string_view path) {
  const absl::string_view top = FirstFolder(path);
  if (top.empty()) return;
  const absl::string_view below = path.substr(top.size() + 1);
  const absl::string_view inside = FirstFolder(below);
  const absl::string_view deeper =
      inside.empty() ? absl::string_view() : FirstFolder(below.substr(inside.size() + 1));
  const absl::string_view folders =
      path.substr(0, top.size() + 1 + inside.size() + 1 + deeper.size());
  if (last_ == nullptr || folders != last_folders_) {
    last_ = &tops_[std::string(top)];
    last_folders_ = std::string(folders);
    if (!inside.empty()) last_->inside.insert(std::string(inside));
    if (!deeper.empty()) last_->deeper.insert(std::string(deeper));
    if (last_->outside_splits.empty() && CanonicalSplit(std::string(inside)).empty()) {
      last_->outside_splits = std::string(path);
    }
  }
  ++last_->images;
  if (inside.empty()) ++last_->direct;
}

absl::StatusOr<bool> FolderLevels::HoldSplits(const FolderNaming& naming, Tally* tally) const {
  size_t whole = 0;
  const std::string* outside = nullptr;
  std::set<std::string> folders;
  for (const auto& [name, top] : tops_) {
    if (!top.outside_splits.empty()) {
      if (outside == nullptr) outside = &top.outside_splits;
      continue;
    }
    ++whole;
    for (const std::string& inside : top.inside) folders.insert(JoinPath(name, inside));
  }
  if (tops_.size() < 2 || whole == 0) return false;
  const std::string one_split =
      absl::StrCat("--train=", naming.whole, " --label_from=folder reads all images as train");
  if (outside != nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat(naming.whole, ": ", SomeFolders(folders),
                     " may be splits inside class folders, but ", OneLine(*outside),
                     " lies in none: move such images into one, leave them out, with --leave_out=",
                     OneLine(absl::StrCat(naming.leave_out, *outside)), ", or ", one_split));
  }
  for (const auto& [name, top] : tops_) {
    std::map<std::string, std::string> of_split;
    for (const std::string& inside : top.inside) {
      const auto [other, added] = of_split.emplace(CanonicalSplit(inside), inside);
      if (added) continue;
      return absl::FailedPreconditionError(
          absl::StrCat(naming.whole, ": ", OneLine(JoinPath(name, inside)), "/ and ", other->second,
                       "/ beside it are both the split '", other->first,
                       "': put both into one, or leave one out with --leave_out=",
                       OneLine(absl::StrCat(naming.leave_out, name, "/", inside))));
    }
  }
  tally->Decide(absl::StrCat(
      "splits are the folders inside the class folders (", SomeFolders(folders),
      "): --train instead of --input, with --label_from=folder, reads all images as train"));
  return true;
}

absl::Status FolderLevels::CheckWords(const FolderNaming& naming) const {
  std::vector<std::string> pictures, masks;
  for (const auto& [name, top] : tops_) {
    if (SaysPictures(name) || IsWord(name, {"jpg", "leftimg8bit"})) pictures.push_back(name);
    if (SaysMasks(name)) masks.push_back(name);
  }
  // Among many others they may be things all the same.
  if (pictures.empty() || masks.empty() || 2 * (pictures.size() + masks.size()) < tops_.size()) {
    return absl::OkStatus();
  }
  std::vector<std::string> unwanted;
  for (const std::string& name : masks) {
    unwanted.push_back(OneLine(absl::StrCat(naming.leave_out, name)));
  }
  return absl::FailedPreconditionError(absl::StrCat(
      naming.whole, ": ", SomeFolders(pictures), " and ", SomeFolders(masks),
      " do not sound like classes: read the first alone with ",
      naming.flag.empty()
          ? absl::StrCat("--leave_out=", absl::StrJoin(unwanted, ","))
          : absl::StrCat(naming.flag, "=", OneLine(JoinPath(naming.whole, pictures[0]))),
      "; --label_from=folder takes them as classes all the same"));
}

absl::Status FolderLevels::CheckParts(const FolderNaming& naming) const {
  std::vector<std::string> names;
  for (const auto& [name, top] : tops_) names.push_back(name);
  if (!SoundLikeParts(names)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      naming.whole, ": ", SomeFolders(names),
      " sound like parts of one set, not like classes: --label_from=none reads their images "
      "without labels (a list with --source=csv tells them), --label_from=folder takes the parts "
      "as classes all the same"));
}

absl::Status FolderLevels::CheckCopies(const FolderNaming& naming) const {
  for (const auto& [name, top] : tops_) {
    if (top.direct > 0 || top.inside.size() < 2) continue;
    if (!std::all_of(top.inside.begin(), top.inside.end(),
                     [&](const std::string& inside) { return HasTop(inside); })) {
      continue;
    }
    return absl::FailedPreconditionError(absl::StrCat(
        naming.whole, ": ", OneLine(name), "/ holds folders of the names of those beside it (",
        SomeFolders(top.inside), "): if it is a copy of them, leave it out with --leave_out=",
        OneLine(absl::StrCat(naming.leave_out, name)),
        "; --label_from=parent takes its images to the classes beside it, --label_from=folder "
        "makes "
        "it a class of its own"));
  }
  return absl::OkStatus();
}

absl::Status FolderLevels::TakeTops(const FolderNaming& naming, Tally* tally) const {
  if (tops_.size() > 1) {
    CASSLE_RETURN_IF_ERROR(CheckWords(naming));
    CASSLE_RETURN_IF_ERROR(CheckCopies(naming));
  }
  int64_t images = 0, direct = 0;
  std::set<std::string> all_inside;
  for (const auto& [name, top] : tops_) {
    images += top.images;
    direct += top.direct;
    all_inside.insert(top.inside.begin(), top.inside.end());
  }
  // amazon/images/mug/, dslr/images/mug/: what all have tells nothing, what it holds may.
  const bool constant = direct == 0 && all_inside.size() == 1;
  // Which tops hold a folder of that name.
  std::map<std::string, std::vector<const Top*>> holders;
  size_t with_several = 0;
  std::string example;
  for (const auto& [name, top] : tops_) {
    const std::set<std::string>& inside = constant ? top.deeper : top.inside;
    with_several += inside.size() > 1;
    for (const std::string& folder : inside) holders[folder].push_back(&top);
    const bool tells = inside.size() > 1 || (!inside.empty() && top.direct > 0);
    if (tells && example.empty()) {
      example = JoinPath(constant ? JoinPath(name, *all_inside.begin()) : name, *inside.begin());
    }
  }
  // Of the names, or of the tops, half have to do with others: one name of its own in each tells
  // nothing.
  std::vector<std::string> shared;
  std::set<const Top*> sharing;
  for (const auto& [name, of_name] : holders) {
    if (of_name.size() < 2) continue;
    shared.push_back(name);
    sharing.insert(of_name.begin(), of_name.end());
  }
  const bool alike = !shared.empty() &&
                     (2 * shared.size() >= holders.size() || 2 * sharing.size() >= tops_.size());
  if (2 * direct < images && 2 * with_several >= tops_.size() && alike) {
    std::vector<std::string> tops, inside;
    for (const auto& [name, top] : tops_) tops.push_back(name);
    for (const auto& [name, of_name] : holders) inside.push_back(name);
    return absl::FailedPreconditionError(absl::StrCat(
        naming.whole, ": ", SomeFolders(tops), " hold folders of the same names (",
        SomeFolders(shared), "): which are the classes? --label_from=folder takes ",
        SomeFolders(tops), ", --label_from=parent takes ", SomeFolders(inside),
        naming.flag.empty()
            ? ""
            : absl::StrCat("; ", naming.flag, "=", OneLine(JoinPath(naming.whole, tops[0])),
                           " reads one of them alone")));
  }
  if (example.empty()) CASSLE_RETURN_IF_ERROR(CheckParts(naming));
  if (!example.empty()) {
    tally->Decide(absl::StrCat("the classes are the ", tops_.size(), " folders at the top (",
                               SomeFolders(std::vector<std::string>{tops_.begin()->first}),
                               "), not those inside them (", OneLine(example),
                               "/): --label_from=parent takes the folder that an image lies in"));
  }
  return absl::OkStatus();
}

}  // namespace cassle
