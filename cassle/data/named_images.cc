#include "cassle/data/named_images.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/sources/sources.h"

namespace cassle {
namespace {

bool HoldsTable(const std::string& path) {
  if (!IsDirectory(path)) return IsTableName(BaseName(path));
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(path);
  return names.ok() && std::any_of(names->begin(), names->end(), IsTableName);
}

}  // namespace

absl::StatusOr<std::string> FingerprintNamedImages(v1::DatasetLayout::Source source,
                                                   const SourceArguments& arguments) {
  if (source != v1::DatasetLayout::DETECT && source != v1::DatasetLayout::CSV) return std::string();
  std::vector<std::string> within;
  bool any = false;
  for (const SourceInput& input : arguments.inputs) {
    any = any || (input.path != "-" && HoldsTable(input.path));
    // As row_path.cc writes paths, so that the spelling of the input tells nothing.
    if (IsDirectory(input.path)) {
      within.push_back(std::filesystem::path(input.path + "/").lexically_normal().string());
    }
  }
  // A folder that is given counts as a whole.
  if (!any || !arguments.image_root.empty()) return std::string();
  SourceArguments silent = arguments;
  silent.tally = std::make_shared<Tally>();
  silent.leave_out = std::make_shared<LeaveOut>(*arguments.leave_out);
  const absl::StatusOr<std::unique_ptr<ImageSource>> table = OpenCsvSource(silent);
  if (absl::IsCancelled(table.status())) return table.status();
  if (!table.ok()) return std::string();
  Fingerprinter whole;
  bool elsewhere = false;
  for (const std::string& file : (*table)->named_files()) {
    CASSLE_RETURN_IF_ERROR(CheckInterrupted(arguments, file));
    if (std::any_of(within.begin(), within.end(),
                    [&](const std::string& folder) { return absl::StartsWith(file, folder); })) {
      continue;
    }
    elsewhere = true;
    const absl::StatusOr<std::string> fingerprint = FingerprintFile(file, arguments.interrupted);
    if (absl::IsCancelled(fingerprint.status())) return fingerprint.status();
    whole.UpdateField(fingerprint.ok() ? *fingerprint : "");
  }
  return elsewhere ? whole.Hex() : std::string();
}

}  // namespace cassle
