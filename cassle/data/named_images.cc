#include "cassle/data/named_images.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
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

// What a layout reads beside a file that is an input by itself: the names of its classes, and the
// labels that MNIST and STL-10 keep in a file of their own. What a folder holds counts anyway.
std::vector<std::string> FilesBeside(const std::string& path) {
  const std::string name = BaseName(path);
  if (path == "-" || IsDirectory(path) || IsTableName(name)) return {};
  std::vector<std::string> names = {"classes.txt", "batches.meta.txt", "fine_label_names.txt",
                                    "class_names.txt"};
  names.push_back(absl::StrReplaceAll(name, {{"_X.bin", "_y.bin"}}));
  if (absl::StrContains(name, "idx3")) {
    names.push_back(absl::StrReplaceAll(name, {{"images", "labels"}, {"idx3", "idx1"}}));
    names.emplace_back(absl::StripSuffix(names.back(), ".gz"));
  }
  std::vector<std::string> beside;
  for (const std::string& other : names) {
    const std::string found = FindFile(DirName(path), {other});
    if (!found.empty() && BaseName(found) != name) beside.push_back(found);
  }
  return beside;
}

// Fingerprint of those; empty if there are none.
absl::StatusOr<std::string> FingerprintBeside(const SourceArguments& arguments) {
  Fingerprinter whole;
  bool any = false;
  for (const SourceInput& input : arguments.inputs) {
    for (const std::string& file : FilesBeside(input.path)) {
      CASSLE_ASSIGN_OR_RETURN(const std::string fingerprint,
                              FingerprintFile(file, arguments.interrupted));
      whole.UpdateField(BaseName(file));
      whole.UpdateField(fingerprint);
      any = true;
    }
  }
  return any ? whole.Hex() : std::string();
}

// Of the images that a table names, outside of the inputs.
absl::StatusOr<std::string> FingerprintListed(v1::DatasetLayout::Source source,
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

}  // namespace

absl::StatusOr<std::string> FingerprintNamedImages(v1::DatasetLayout::Source source,
                                                   const SourceArguments& arguments) {
  CASSLE_ASSIGN_OR_RETURN(const std::string listed, FingerprintListed(source, arguments));
  CASSLE_ASSIGN_OR_RETURN(const std::string beside, FingerprintBeside(arguments));
  return absl::StrCat(listed, listed.empty() || beside.empty() ? "" : " ", beside);
}

}  // namespace cassle
