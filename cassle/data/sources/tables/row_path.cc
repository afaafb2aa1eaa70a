#include "cassle/data/sources/tables/row_path.h"

#include <algorithm>
#include <filesystem>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/data/images/image_names.h"
#include "cassle/data/sources/names.h"

namespace cassle {
namespace {

// Without ./ and a/../
std::string Normal(const std::string& path) {
  return std::filesystem::path(path).lexically_normal().string();
}

bool HasDrive(const std::string& cell) {
  return cell.size() > 2 && absl::ascii_isalpha(cell[0]) && cell[1] == ':' &&
         (cell[2] == '\\' || cell[2] == '/');
}

// "http://", "s3://", ...
bool IsAddress(const std::string& cell) {
  const size_t colon = cell.find("://");
  return colon != std::string::npos && colon > 0 &&
         std::all_of(cell.begin(), cell.begin() + colon, absl::ascii_isalnum);
}

// Tables of competitions name images without their ending.
void AddEnding(const std::string& root, Tally* tally, std::string* cell) {
  if (IsImageName(*cell) || FileExists(JoinPath(root, *cell))) return;
  for (const char* ending : {".jpg", ".png", ".jpeg", ".JPG", ".PNG", ".JPEG", ".tif", ".webp"}) {
    if (!FileExists(JoinPath(root, *cell + ending))) continue;
    tally->Count(absl::StrCat("paths without an ending taken for those of ", ending), *cell);
    cell->append(ending);
    return;
  }
}

}  // namespace

absl::Status LocateImage(std::string cell, const std::string& root, Tally* tally, ImageRow* row) {
  if (absl::StrContains(cell, "\\x")) {
    std::string unescaped = UnescapedName(cell);
    if (unescaped != cell && !FileExists(JoinPath(root, cell)) &&
        FileExists(JoinPath(root, unescaped))) {
      cell = std::move(unescaped);
    }
  }
  if (cell.empty()) return absl::DataLossError(absl::StrCat(row->origin, ": the path is empty"));
  if (HasDrive(cell)) {
    return absl::DataLossError(
        absl::StrCat(row->origin, ": '", EscapedName(cell),
                     "' is a path of Windows with its drive: write paths below one "
                     "folder, and name that with --image_root"));
  }
  if (IsAddress(cell)) {
    return absl::DataLossError(
        absl::StrCat(row->origin, ": '", EscapedName(cell),
                     "' is an address on the net: download the images, and write the paths of "
                     "their files"));
  }
  if (absl::StrContains(cell, '\\') && !FileExists(JoinPath(root, cell))) {
    tally->Decide("backslashes in paths are taken for slashes");
    std::replace(cell.begin(), cell.end(), '\\', '/');
  }
  AddEnding(root, tally, &cell);
  row->path = Normal(JoinPath(root, cell));
  row->key = EscapedName(cell);
  if (row->key != cell) tally->Count(kNamesEscaped, row->key);
  const std::string below = Normal(cell);
  if (absl::StartsWith(below, "/") || absl::StartsWith(below, "../")) {
    tally->Count("images outside of the list's folder", row->key);
  }
  return absl::OkStatus();
}

}  // namespace cassle
