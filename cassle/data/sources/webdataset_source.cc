// WebDataset: tars whose adjacent members with one base name are a sample: 000001.jpg, 000001.cls.
//   .jpg .jpeg .png   the image
//   .cls              the class: its number, or its name in classes.txt
//   NAME.cls          the class number of a further target NAME
// Other members are skipped. A tar is a split if its name starts with one (train-0003.tar.gz);
// several tars of a split are read in the order of their names.
#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/archive.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

struct Tar {
  std::string split;
  std::string path;
};

// "train" of "train-000.tar.gz"; empty if it starts with no name of a split.
std::string SplitOfTar(const std::string& file) {
  return CanonicalSplit(file.substr(0, file.find_first_of("-_.")));
}

class WebDatasetSource : public ImageSource {
 public:
  WebDatasetSource(std::vector<Tar> tars, std::vector<std::string> splits,
                   std::vector<std::string> classes)
      : tars_(std::move(tars)), splits_(std::move(splits)), classes_(std::move(classes)) {}

  const std::vector<std::string>& splits() const override { return splits_; }

  absl::StatusOr<bool> Next(SourceItem* item) override {
    while (true) {
      if (reader_ == nullptr) {
        if (next_tar_ == tars_.size()) return false;
        CASSLE_ASSIGN_OR_RETURN(reader_, TarReader::Open(tars_[next_tar_].path));
        ++next_tar_;
        CASSLE_ASSIGN_OR_RETURN(has_member_, reader_->Next());
      }
      if (!has_member_) {
        reader_.reset();
        continue;
      }
      CASSLE_ASSIGN_OR_RETURN(const bool sample, ReadSample(item));
      if (sample) return true;
    }
  }

  absl::Status Describe(v1::DatasetInfo* info) override {
    for (const std::string& name : classes_) info->add_classes(name);
    for (const std::string& name : target_names_) info->add_targets()->set_name(name);
    return absl::OkStatus();
  }

 private:
  // A member's name up to the first dot of its last component, and what follows, in lower case.
  static std::pair<std::string, std::string> SplitMember(const std::string& member) {
    const size_t slash = member.rfind('/');
    const size_t dot = member.find('.', slash == std::string::npos ? 0 : slash + 1);
    if (dot == std::string::npos) return {member, ""};
    return {member.substr(0, dot), absl::AsciiStrToLower(member.substr(dot + 1))};
  }

  // Reads the members that share the current one's base name; false if none says anything.
  absl::StatusOr<bool> ReadSample(SourceItem* item) {
    *item = SourceItem();
    const Tar& tar = tars_[next_tar_ - 1];
    item->split =
        static_cast<int>(std::find(splits_.begin(), splits_.end(), tar.split) - splits_.begin());
    const std::string base = SplitMember(reader_->name()).first;
    item->key = absl::StrCat(tar.split, "/", base);
    bool any = false;
    while (has_member_) {
      const auto [name, extension] = SplitMember(reader_->name());
      if (name != base) break;
      if (extension == "jpg" || extension == "jpeg" || extension == "png") {
        if (!item->file.empty()) {
          return absl::DataLossError(
              absl::StrCat(tar.path, ": two images are called '", base, "'"));
        }
        CASSLE_ASSIGN_OR_RETURN(item->file, reader_->Read());
        item->key = absl::StrCat(tar.split, "/", reader_->name());
        any = true;
      } else if (extension == "cls" || absl::EndsWith(extension, ".cls")) {
        CASSLE_ASSIGN_OR_RETURN(const std::string text, reader_->Read());
        ReadClass(extension, text, item);
        any = true;
      }
      CASSLE_ASSIGN_OR_RETURN(has_member_, reader_->Next());
    }
    if (any && item->file.empty() && item->problem.empty()) {
      item->problem = "the sample has no .jpg, .jpeg or .png (or an empty one)";
    }
    std::sort(item->targets.begin(), item->targets.end(),
              [](const v1::Target& a, const v1::Target& b) { return a.name() < b.name(); });
    return any;
  }

  void ReadClass(const std::string& extension, const std::string& text, SourceItem* item) {
    const std::string trimmed(absl::StripAsciiWhitespace(text));
    int64_t index = 0;
    if (!absl::SimpleAtoi(trimmed, &index)) {
      const auto found = std::find(classes_.begin(), classes_.end(), trimmed);
      if (found == classes_.end() || extension != "cls") {
        item->problem = absl::StrCat(".", extension, " holds '", trimmed.substr(0, 40),
                                     "', which is neither a number nor the name of a class");
        return;
      }
      index = found - classes_.begin();
    }
    if (extension == "cls") {
      // -1 is the usual mark of an image without a label.
      if (index != -1) item->label = index;
      return;
    }
    const std::string name = extension.substr(0, extension.size() - 4);
    target_names_.insert(name);
    item->targets.push_back(ClassTargetValue(name, index));
  }

  const std::vector<Tar> tars_;
  const std::vector<std::string> splits_;
  const std::vector<std::string> classes_;
  std::set<std::string> target_names_;
  size_t next_tar_ = 0;
  std::unique_ptr<TarReader> reader_;
  bool has_member_ = false;
};

}  // namespace

bool IsTarName(const std::string& name) {
  for (const char* suffix : {".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz", ".tar.zst"}) {
    if (absl::EndsWith(name, suffix)) return true;
  }
  return false;
}

absl::StatusOr<std::unique_ptr<ImageSource>> OpenWebDatasetSource(
    const SourceArguments& arguments) {
  std::vector<Tar> tars;
  std::vector<std::string> classes = arguments.classes;
  for (const SourceInput& input : arguments.inputs) {
    const bool folder = input.path != "-" && IsDirectory(input.path);
    std::vector<std::string> files = {input.path};
    if (folder) {
      CASSLE_ASSIGN_OR_RETURN(files, ListDirectory(input.path));
      files.erase(std::remove_if(files.begin(), files.end(),
                                 [](const std::string& name) { return !IsTarName(name); }),
                  files.end());
      if (files.empty()) {
        return absl::FailedPreconditionError(
            absl::StrCat(input.path, ": no .tar or .tar.gz in this folder"));
      }
    }
    const std::string root = folder ? input.path : DirName(input.path);
    if (classes.empty() && input.path != "-" && FileExists(JoinPath(root, "classes.txt"))) {
      CASSLE_ASSIGN_OR_RETURN(classes, ReadLines(JoinPath(root, "classes.txt")));
    }
    for (const std::string& file : files) {
      const std::string split =
          input.split.empty() ? (folder ? SplitOfTar(file) : std::string()) : input.split;
      tars.push_back({split, folder ? JoinPath(input.path, file) : file});
    }
  }
  const auto unnamed = [](const Tar& tar) { return tar.split.empty(); };
  if (std::any_of(tars.begin(), tars.end(), unnamed)) {
    const auto odd = std::find_if_not(tars.begin(), tars.end(), unnamed);
    const auto first = std::find_if(tars.begin(), tars.end(), unnamed);
    if (odd != tars.end()) {
      return absl::FailedPreconditionError(absl::StrCat(
          first->path, " lies beside ", odd->path,
          " but is not named after a split: name the files with --train=, --val= and --test="));
    }
    for (Tar& tar : tars) tar.split = "train";
  }
  std::vector<std::string> splits;
  for (const Tar& tar : tars) {
    if (std::find(splits.begin(), splits.end(), tar.split) == splits.end()) {
      splits.push_back(tar.split);
    }
  }
  SortSplits(&splits);
  std::vector<Tar> ordered;
  for (const std::string& split : splits) {
    std::copy_if(tars.begin(), tars.end(), std::back_inserter(ordered),
                 [&](const Tar& tar) { return tar.split == split; });
  }
  return std::unique_ptr<ImageSource>(
      new WebDatasetSource(std::move(ordered), std::move(splits), std::move(classes)));
}

}  // namespace cassle
