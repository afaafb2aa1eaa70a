#include "cassle/data/sources/image_files.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/file_tree.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/image_file.h"
#include "cassle/data/images/image_names.h"

namespace cassle {
namespace {

// Of folders and files that are no link loops.
const char* Phrase(FileTree::Kind kind) {
  switch (kind) {
    case FileTree::Kind::kLinkLoop:
      return kLinkLoops;
    case FileTree::Kind::kSecondWay:
      return "links not followed: their folder is read at another place";
    case FileTree::Kind::kBrokenLink:
      return "broken links skipped";
    case FileTree::Kind::kSpecial:
      return kSpecialFiles;
  }
  return "";
}

}  // namespace

bool IsLeftover(const std::string& name) {
  if (!name.empty() && name[0] == '.') return true;
  static constexpr const char* kNames[] = {
      "__macosx", "thumbs.db",  "ehthumbs.db",  "desktop.ini",
      "icon\r",   "lost+found", "$recycle.bin", "system volume information",
      "@eadir"};
  const std::string lower = absl::AsciiStrToLower(name);
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](const char* known) { return lower == known; });
}

absl::StatusOr<ImageFiles> ListImageFiles(const std::string& root, const std::string& prefix,
                                          const SourceArguments& arguments, OtherFiles others) {
  // Counted after the listing, sorted: a folder gives its names in any order.
  std::vector<std::string> hidden, left_out;
  ListTreeOptions options;
  options.interrupted = arguments.interrupted;
  options.skip = [&](const std::string& path, bool) {
    const bool leftover = IsLeftover(BaseName(path));
    if (!leftover && !arguments.leave_out->Matches(JoinPath(prefix, path))) return false;
    (leftover ? hidden : left_out).push_back(path);
    return true;
  };
  CASSLE_ASSIGN_OR_RETURN(FileTree tree, ListTree(root, options));
  const auto count = [&](absl::string_view phrase, const std::string& path) {
    arguments.tally->Count(phrase, EscapedName(JoinPath(prefix, path)));
  };
  ImageFiles result;
  result.images.reserve(tree.files.size());
  for (std::string& file : tree.files) {
    if (IsImageName(file)) {
      result.images.push_back(std::move(file));
    } else if (IsImageFile(root, file)) {
      if (others == OtherFiles::kCount) count(kNamedAsNothing, file);
      result.images.push_back(std::move(file));
    } else if (others == OtherFiles::kCount) {
      CountUnread(kNoImages, JoinPath(root, file), EscapedName(JoinPath(prefix, file)), arguments);
    }
  }
  bool any_broken = false;
  for (FileTree::Other& other : tree.others) {
    if (other.kind == FileTree::Kind::kBrokenLink && IsImageName(other.path)) {
      result.images.push_back(std::move(other.path));
      any_broken = true;
    } else {
      count(Phrase(other.kind), other.path);
    }
  }
  if (any_broken) std::sort(result.images.begin(), result.images.end());
  std::sort(hidden.begin(), hidden.end());
  std::sort(left_out.begin(), left_out.end());
  for (const std::string& path : hidden) count(kLeftovers, path);
  for (const std::string& path : left_out) count(kLeftOut, path);
  result.folders = std::move(tree.folders);
  return result;
}

std::string ExtensionOf(absl::string_view path) {
  const absl::string_view name = path.substr(path.rfind('/') + 1);
  const size_t dot = name.rfind('.');
  return dot == name.npos || dot == 0 ? "" : absl::AsciiStrToLower(name.substr(dot + 1));
}

absl::string_view WithoutTarEnding(absl::string_view name) {
  for (const char* suffix :
       {".tar", ".tar.gz", ".tgz", ".taz", ".tar.bz2", ".tbz2", ".tbz", ".tz2", ".tar.xz", ".txz",
        ".tar.zst", ".tar.zstd", ".tzst", ".tar.lz4", ".tar.lzma", ".tlz", ".tar.lz", ".tar.Z"}) {
    if (!absl::EndsWithIgnoreCase(name, suffix)) continue;
    name.remove_suffix(absl::string_view(suffix).size());
    return name;
  }
  return "";
}

bool IsArchiveName(const std::string& name) {
  const bool ending = !WithoutTarEnding(name).empty() || absl::EndsWithIgnoreCase(name, ".zip");
  return ending && name[0] != '.';
}

bool MayHoldLabels(const std::string& name) {
  const std::string extension = ExtensionOf(name);
  for (const char* table : {"csv", "tsv", "jsonl", "ndjson", "xlsx", "xls", "ods", "parquet"}) {
    if (extension == table) return true;
  }
  if (extension != "txt" && extension != "json" && extension != "mat") return false;
  // These may be anything: what they are called tells.
  const std::string lower = absl::AsciiStrToLower(BaseName(name));
  for (const char* word : {"label", "class", "annot", "truth", "target"}) {
    if (absl::StrContains(lower, word)) return true;
  }
  return false;
}

void CountUnread(absl::string_view phrase, const std::string& path, const std::string& name,
                 const SourceArguments& arguments) {
  for (const std::string& read : arguments.read_by_options) {
    std::error_code unknown;
    if (std::filesystem::equivalent(path, read, unknown)) return;
  }
  Tally& tally = *arguments.tally;
  const std::string extension = ExtensionOf(name);
  tally.Count(phrase, name, extension.empty() ? "without an ending" : absl::StrCat(".", extension));
  if (MayHoldLabels(name)) tally.MayHoldLabels(name);
}

bool NameSaysNothing(absl::string_view path) {
  const std::string extension = ExtensionOf(path);
  return std::all_of(extension.begin(), extension.end(), absl::ascii_isdigit);
}

bool IsImageFile(const std::string& root, const std::string& name) {
  if (IsImageName(name)) return true;
  if (!NameSaysNothing(name)) return false;
  return !FormatOfImageStart(ReadStart(JoinPath(root, name), kImageStartBytes)).empty();
}

absl::string_view FirstFolder(absl::string_view path) {
  const size_t slash = path.find('/');
  return slash == absl::string_view::npos ? absl::string_view() : path.substr(0, slash);
}

std::string WithoutSecondFolder(absl::string_view path) {
  const size_t first = path.find('/');
  return absl::StrCat(path.substr(0, first), path.substr(path.find('/', first + 1)));
}

std::string OnlyFolder(const std::vector<std::string>& images, size_t skipped) {
  if (images.empty()) return "";
  const absl::string_view folder = FirstFolder(absl::string_view(images[0]).substr(skipped));
  if (folder.empty()) return "";
  const std::string start = absl::StrCat(folder, "/");
  const bool all = std::all_of(images.begin(), images.end(), [&](absl::string_view image) {
    return absl::StartsWith(image.substr(skipped), start);
  });
  return all ? start : "";
}

std::string FoldersAboveClasses(const std::vector<std::string>& images) {
  std::string above;
  while (true) {
    const std::string next = OnlyFolder(images, above.size());
    if (next.empty()) break;
    above += next;
  }
  const bool all_in_folders = std::all_of(
      images.begin(), images.end(),
      [&](absl::string_view image) { return !FirstFolder(image.substr(above.size())).empty(); });
  return all_in_folders ? above : "";
}

}  // namespace cassle
