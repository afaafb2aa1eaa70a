#include "cassle/stage/own_folders.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

// Torn is the job of a run that was killed before it had written anything else.
bool IsMark(const std::string& name) {
  return name == kManifestName || name == kJobName || name == absl::StrCat(kJobName, ".tmp");
}

// The marks go last: killed in between, what is left bears one.
absl::Status RemoveContents(const std::string& folder) {
  CASSLE_ASSIGN_OR_RETURN(std::vector<std::string> names, ListDirectory(folder));
  std::stable_partition(names.begin(), names.end(),
                        [](const std::string& name) { return !IsMark(name); });
  for (const std::string& name : names) {
    CASSLE_RETURN_IF_ERROR(RemoveAll(JoinPath(folder, name)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status RequireOwn(const std::string& folder) {
  if (!FileExists(folder) && !IsLink(folder)) return absl::OkStatus();
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(folder);
  if (names.ok() && (names->empty() || std::any_of(names->begin(), names->end(), IsMark))) {
    return absl::OkStatus();
  }
  return absl::AlreadyExistsError(absl::StrCat(
      folder,
      " exists and was not made by a stage; it is left alone: move it away, or name another "
      "output"));
}

absl::Status EmptyOwn(const std::string& folder) {
  const std::string manifest = JoinPath(folder, kManifestName);
  if (FileExists(manifest)) {
    // An empty job is nobody's; without the manifest the rest cannot pass for a finished output.
    CASSLE_RETURN_IF_ERROR(WriteFileAtomically(JoinPath(folder, kJobName), ""));
    CASSLE_RETURN_IF_ERROR(RemoveAll(manifest));
  }
  return RemoveContents(folder);
}

absl::Status RemoveOwn(const std::string& folder) {
  CASSLE_RETURN_IF_ERROR(RequireOwn(folder));
  // Of a link only the link goes: an output may be one, and where it leads stays.
  if (IsDirectory(folder) && !IsLink(folder)) CASSLE_RETURN_IF_ERROR(RemoveContents(folder));
  return RemoveAll(folder);
}

}  // namespace cassle
