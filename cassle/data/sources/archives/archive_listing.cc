#include "cassle/data/sources/archives/archive_listing.h"

#include <algorithm>
#include <map>
#include <set>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/image_file.h"
#include "cassle/data/images/image_names.h"
#include "cassle/data/sources/archives/archive.h"
#include "cassle/data/sources/archives/archive_samples.h"
#include "cassle/data/sources/archives/gzip_stream.h"
#include "cassle/data/sources/archives/zip_check.h"
#include "cassle/data/sources/image_files.h"
#include "cassle/data/sources/names.h"

namespace cassle {
namespace {

constexpr size_t kMaxLabelBytes = size_t{16} << 20;
// Links to links.
constexpr int kMaxHops = 16;

// Of the member or of a folder that it lies in.
bool IsLeftoverPath(const std::string& name) {
  for (absl::string_view part : absl::StrSplit(name, '/')) {
    if (IsLeftover(std::string(part))) return true;
  }
  return false;
}

bool IsArchiveExtension(absl::string_view extension) {
  for (const char* known : {"tar", "tgz", "gz", "bz2", "xz", "zst", "zip", "7z", "rar"}) {
    if (extension == known) return true;
  }
  return false;
}

// The listing of one archive, step by step.
class Lister {
 public:
  Lister(std::string archive, const SourceArguments& arguments)
      : archive_(std::move(archive)), arguments_(arguments), tally_(*arguments.tally) {}

  absl::Status Read(const std::string& path, const std::function<void(int64_t)>& read) {
    CASSLE_ASSIGN_OR_RETURN(const auto reader,
                            ArchiveReader::Open(path, archive_, arguments_.interrupted));
    for (int64_t number = 0;; ++number) {
      CASSLE_ASSIGN_OR_RETURN(const bool more, reader->Next());
      if (!more) break;
      CASSLE_RETURN_IF_ERROR(Take(number, reader.get()));
      if (read) read(reader->bytes_read());
    }
    if (reader->is_plain_zip()) CASSLE_RETURN_IF_ERROR(CheckZip(path, archive_, &tally_));
    SayBytesBehind(archive_, reader->bytes_behind(), &tally_);
    for (const std::string& part : left_out_) tally_.Count(kLeftOut, part);
    if (!reader->has_end_mark()) {
      tally_.Decide(absl::StrCat(archive_,
                                 " has no end mark: if it was cut short between two "
                                 "members, nothing else tells"));
    }
    return absl::OkStatus();
  }

  // Links become the images and labels that they lead to.
  absl::Status FollowLinks() {
    for (const auto& [name, target] : links_) {
      std::string end = target;
      int hops = 0;
      for (auto next = links_.find(end); next != links_.end() && hops < kMaxHops; ++hops) {
        end = next->second;
        next = links_.find(end);
      }
      const auto found = files_.find(end);
      if (found == files_.end()) {
        tally_.Count(IsFolder(end) ? "links to folders of the archive not followed: their files "
                                     "are read where they lie"
                                   : "links that lead to no file of the archive",
                     name);
        continue;
      }
      if (IsImage(name)) {
        AddImage(name, found->second);
      } else if (IsLabelExtension(ExtensionOf(name))) {
        const auto label =
            std::find_if(labels_.begin(), labels_.end(),
                         [&, number = found->second](const auto& l) { return l.member == number; });
        if (label == labels_.end()) {
          tally_.Count("links that lead to no file of the archive", name);
          continue;
        }
        const ListedLabel copy = {name, label->member, label->extension, label->texts};
        labels_.push_back(copy);
      } else {
        CountUnread(name);
        continue;
      }
      tally_.Count("links in archives followed", name);
    }
    std::stable_sort(images_.begin(), images_.end(),
                     [](const auto& a, const auto& b) { return a.member < b.member; });
    // There may be millions.
    files_ = {};
    folders_ = {};
    return absl::OkStatus();
  }

  // Gives each label to the image whose sample it names.
  absl::Status Attach() {
    CASSLE_ASSIGN_OR_RETURN(
        orphans_, AttachLabels(
                      archive_, &labels_, [this](const std::string& name) { return IsImage(name); },
                      &images_, &tally_));
    return absl::OkStatus();
  }

  absl::StatusOr<std::vector<ListedImage>> Finish() {
    if (images_.empty()) {
      std::vector<std::string> holds;
      for (const auto& [extension, count] : others_) {
        holds.push_back(absl::StrCat(count, " ", extension));
      }
      if (!labels_.empty()) holds.push_back(absl::StrCat(labels_.size(), " texts"));
      const std::string message =
          absl::StrCat(archive_, ": there are no images; it holds ",
                       holds.empty() ? std::string("nothing") : absl::StrJoin(holds, ", "));
      if (nested_.empty()) {
        return NoImagesError(others_.empty() ? message
                                             : absl::StrCat(message,
                                                            "; if these hold images, unpack it "
                                                            "and give the folder"));
      }
      return absl::FailedPreconditionError(
          absl::StrCat(message, "; unpack the archives inside it first (", nested_, ")"));
    }
    SayManyEndings();
    for (ListedImage& orphan : orphans_) images_.push_back(std::move(orphan));
    std::stable_sort(images_.begin(), images_.end(),
                     [](const auto& a, const auto& b) { return a.member < b.member; });
    return std::move(images_);
  }

 private:
  // Do files lie in a folder of that name?
  bool IsFolder(const std::string& name) {
    if (folders_.empty()) {
      folders_.insert("");
      for (const auto& [file, member] : files_) {
        for (size_t slash = file.rfind('/'); slash != std::string::npos && slash > 0;
             slash = file.rfind('/', slash - 1)) {
          if (!folders_.insert(file.substr(0, slash)).second) break;
        }
      }
    }
    return folders_.count(name) > 0;
  }

  bool IsImage(const std::string& name) const {
    if (arguments_.image_from.empty()) return IsImageExtension(ExtensionOf(name));
    return absl::EndsWithIgnoreCase(name, absl::StrCat(".", arguments_.image_from));
  }

  void AddImage(const std::string& name, int64_t member) {
    size_t ending = 0;
    if (!arguments_.image_from.empty()) {
      ending = arguments_.image_from.size() + 1;
    } else if (IsImageName(name)) {
      ending = name.size() - name.rfind('.');
    }
    images_.push_back({name, member, false, {}, static_cast<uint32_t>(name.size() - ending)});
  }

  // The content decides where a name says nothing.
  absl::StatusOr<bool> StartsAsImage(const std::string& name, ArchiveReader* reader) {
    if (!arguments_.image_from.empty() || !NameSaysNothing(name)) return false;
    CASSLE_ASSIGN_OR_RETURN(const std::string start, reader->ReadStart(kImageStartBytes));
    if (FormatOfImageStart(start).empty()) return false;
    tally_.Count(kNamedAsNothing, name);
    return true;
  }

  absl::Status Take(int64_t number, ArchiveReader* reader) {
    const ArchiveMember& member = reader->member();
    const std::string unescaped = CleanMemberName(member.name);
    if (unescaped.empty()) return absl::OkStatus();
    const std::string left_out = arguments_.leave_out->MatchedPart(unescaped);
    if (member.kind == ArchiveMember::Kind::kFolder) return absl::OkStatus();
    const std::string name = EscapedName(unescaped);
    if (IsLeftoverPath(unescaped)) {
      tally_.Count(kLeftovers, name);
      return absl::OkStatus();
    }
    if (!left_out.empty()) {
      left_out_.insert(EscapedName(left_out));
      return absl::OkStatus();
    }
    switch (member.kind) {
      case ArchiveMember::Kind::kHardLink:
        links_[name] = EscapedName(CleanMemberName(member.target));
        return absl::OkStatus();
      case ArchiveMember::Kind::kSymbolicLink: {
        const std::string folder = DirName(unescaped);
        links_[name] =
            EscapedName(CleanMemberName(absl::StartsWith(member.target, "/") || folder == "."
                                            ? member.target
                                            : absl::StrCat(folder, "/", member.target)));
        return absl::OkStatus();
      }
      case ArchiveMember::Kind::kOther:
        tally_.Count("members that are no files skipped", name);
        return absl::OkStatus();
      default:
        break;
    }
    bool image = IsImage(name);
    if (!image) {
      CASSLE_ASSIGN_OR_RETURN(image, StartsAsImage(name, reader));
    }
    const bool label = !image && IsLabelExtension(ExtensionOf(name));
    const auto [known, added] = files_.emplace(name, number);
    if (!added && (image || label)) {
      return absl::DataLossError(
          absl::StrCat(archive_, ": '", name, "' is there twice, as members ", known->second + 1,
                       " and ", number + 1, ": pack it again without one of them"));
    }
    if (image) {
      if (name != unescaped) tally_.Count(kNamesEscaped, name);
      AddImage(name, number);
    } else if (label) {
      CASSLE_ASSIGN_OR_RETURN(const std::string bytes, reader->Read(kMaxLabelBytes));
      labels_.push_back({name, number, ExtensionOf(name), {}});
      AppendTexts(name, labels_.back().extension, bytes, arguments_.label_from,
                  &labels_.back().texts);
    } else {
      CountUnread(name);
    }
    return absl::OkStatus();
  }

  void CountUnread(const std::string& name) {
    const std::string extension = ExtensionOf(name);
    if (MayHoldLabels(name)) tally_.MayHoldLabels(name);
    if (IsArchiveExtension(extension)) {
      nested_ = name;
      tally_.Count("archives inside an archive not read, unpack them first", name);
    } else {
      tally_.Count(extension.empty() ? std::string("members without an extension not read")
                                     : absl::StrCat("members .", extension, " not read"),
                   name);
    }
    ++others_[extension.empty() ? "without an extension" : absl::StrCat(".", extension)];
  }

  // a.left.png beside a.right.png, without labels that would tell what a sample is.
  void SayManyEndings() {
    constexpr size_t kMost = 8;
    if (!arguments_.image_from.empty()) return;
    std::unordered_set<std::string> bases;
    std::set<std::string> endings;
    for (const ListedImage& image : images_) {
      const size_t slash = image.name.rfind('/');
      const size_t dot = image.name.find('.', slash == std::string::npos ? 0 : slash);
      if (!image.texts.empty() || dot >= image.sample_size) return;
      bases.insert(image.name.substr(0, dot));
      endings.insert(image.name.substr(dot + 1));
      const std::string inner = image.name.substr(dot + 1, image.sample_size - dot - 1);
      if (std::all_of(inner.begin(), inner.end(), absl::ascii_isdigit)) return;
      if (endings.size() > kMost) return;
    }
    if (endings.size() < 2 || bases.size() == images_.size()) return;
    tally_.Decide(absl::StrCat(
        "images of one name with several endings (.", absl::StrJoin(endings, ", ."),
        ") are images of their own: --image_from=", *endings.begin(), " takes one of each"));
  }

  const std::string archive_;
  const SourceArguments& arguments_;
  Tally& tally_;
  // Number of every file by its name.
  std::unordered_map<std::string, int64_t> files_;
  std::map<std::string, std::string> links_;
  // Of files_, once a link leads to no file.
  std::unordered_set<std::string> folders_;
  // Members and folders, as --leave_out asks.
  std::set<std::string> left_out_;
  std::vector<ListedImage> images_;
  std::vector<ListedLabel> labels_;
  // Labels without an image.
  std::vector<ListedImage> orphans_;
  std::map<std::string, int64_t> others_;
  // The last archive inside.
  std::string nested_;
};

}  // namespace

std::string CleanMemberName(const std::string& name) {
  std::vector<absl::string_view> parts;
  for (absl::string_view part : absl::StrSplit(name, '/', absl::SkipEmpty())) {
    if (part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (!parts.empty()) {
      parts.pop_back();
    }
  }
  return absl::StrJoin(parts, "/");
}

absl::StatusOr<std::vector<ListedImage>> ListArchive(const std::string& path,
                                                     const std::string& name,
                                                     const SourceArguments& arguments,
                                                     const std::function<void(int64_t)>& read) {
  Lister lister(name, arguments);
  CASSLE_RETURN_IF_ERROR(lister.Read(path, read));
  CASSLE_RETURN_IF_ERROR(lister.FollowLinks());
  CASSLE_RETURN_IF_ERROR(lister.Attach());
  return lister.Finish();
}

}  // namespace cassle
