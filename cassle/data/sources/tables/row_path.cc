#include "cassle/data/sources/tables/row_path.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/text_file.h"
#include "cassle/data/images/image_names.h"
#include "cassle/data/sources/names.h"

namespace cassle {
namespace {

bool HasDriveOrServer(const std::string& cell) {
  return absl::StartsWith(cell, "\\\\") || (cell.size() > 2 && absl::ascii_isalpha(cell[0]) &&
                                            cell[1] == ':' && (cell[2] == '\\' || cell[2] == '/'));
}

// "http://", "s3://", ...
bool IsAddress(const std::string& cell) {
  const size_t colon = cell.find("://");
  return colon != std::string::npos && colon > 0 &&
         std::all_of(cell.begin(), cell.begin() + colon, absl::ascii_isalnum);
}

// The ending that the file has beside the path; null if there is none.
const char* EndingOnDisk(const std::string& path) {
  for (const char* ending : {".jpg", ".png", ".jpeg", ".JPG", ".PNG", ".JPEG", ".tif", ".webp"}) {
    if (FileExists(path + ending)) return ending;
  }
  return nullptr;
}

// Tables of competitions name images without their ending.
void AddEnding(const std::string& root, Tally* tally, std::string* cell) {
  const std::string path = JoinPath(root, *cell);
  if (IsImageName(*cell) || FileExists(path)) return;
  const char* const ending = EndingOnDisk(path);
  if (ending == nullptr) return;
  tally->Count(absl::StrCat("paths without an ending taken for those of ", ending), *cell);
  cell->append(ending);
}

}  // namespace

bool HasImage(const std::string& path) {
  return FileExists(path) || (!IsImageName(path) && EndingOnDisk(path) != nullptr);
}

std::string NormalPath(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}

std::string InFormOfDisk(const std::string& root, const std::string& path, Tally* tally) {
  if (std::all_of(path.begin(), path.end(), absl::ascii_isascii)) return path;
  if (FileExists(JoinPath(root, path))) return path;
  for (const std::string& form : {NormalForm(path), DecomposedForm(path)}) {
    if (!FileExists(JoinPath(root, form))) continue;
    tally->Decide("paths are taken in the form of Unicode that their files have (NFC, NFD)");
    return form;
  }
  return path;
}

absl::Status LocateImage(std::string cell, const std::string& root, Tally* tally, ImageRow* row) {
  if (absl::StrContains(cell, "\\x")) {
    std::string unescaped = UnescapedName(cell);
    if (unescaped != cell && !FileExists(JoinPath(root, cell)) &&
        FileExists(JoinPath(root, unescaped))) {
      cell = std::move(unescaped);
    }
  }
  const absl::string_view stripped = StripBlanks(cell);
  if (stripped.size() < cell.size() && !FileExists(JoinPath(root, cell))) {
    cell = std::string(stripped);
  }
  if (cell.empty()) return absl::DataLossError(absl::StrCat(row->origin, ": the path is empty"));
  if (HasDriveOrServer(cell)) {
    return absl::DataLossError(
        absl::StrCat(row->origin, ": '", EscapedName(cell),
                     "' is a path of Windows with its drive or server: write paths below one "
                     "folder, and name that with --image_root"));
  }
  if (absl::StartsWithIgnoreCase(cell, "file://")) {
    return absl::DataLossError(absl::StrCat(row->origin, ": '", EscapedName(cell),
                                            "' is an address of a file: write its path alone"));
  }
  if (IsAddress(cell)) {
    return absl::DataLossError(
        absl::StrCat(row->origin, ": '", EscapedName(cell),
                     "' is an address on the net: download the images, and write the paths of "
                     "their files"));
  }
  if (absl::StrContains(cell, '\\') && !FileExists(JoinPath(root, cell))) {
    tally->Decide(kBackslashes);
    std::replace(cell.begin(), cell.end(), '\\', '/');
  }
  const size_t slashes = cell.find_first_not_of('/');
  if (slashes != std::string::npos && slashes > 0 && !FileExists(cell) &&
      FileExists(JoinPath(root, cell.substr(slashes)))) {
    tally->Decide("slashes in front of paths are left out");
    cell.erase(0, slashes);
  }
  cell = InFormOfDisk(root, cell, tally);
  AddEnding(root, tally, &cell);
  row->path = NormalPath(JoinPath(root, cell));
  row->key = EscapedName(cell);
  if (row->key != cell) tally->Count(kNamesEscaped, row->key);
  const std::string below = NormalPath(cell);
  if (absl::StartsWith(below, "/") || absl::StartsWith(below, "../")) {
    tally->Count("images outside of the list's folder", row->key);
  }
  return absl::OkStatus();
}

}  // namespace cassle
