#include "cassle/stage/stage_manifest.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cassle/base/file.h"
#include "cassle/base/file_tree.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/stage/folder_lock.h"

namespace cassle {
namespace {

const char* KindName(FileTree::Kind kind) {
  switch (kind) {
    case FileTree::Kind::kLinkLoop:
      return "link loop";
    case FileTree::Kind::kSecondWay:
      return "second way";
    case FileTree::Kind::kBrokenLink:
      return "broken link";
    case FileTree::Kind::kSpecial:
      return "special";
  }
  return "";
}

// Whether a file below a folder lies in what is put aside there.
bool IsAside(absl::string_view name) {
  return absl::EndsWith(name.substr(0, name.find('/')), kAsideEnding);
}

bool IsManifest(const std::string& name) { return name == kManifestName || name == kJobName; }

// Name, size and content of a file enter the fingerprint of its folder.
absl::Status AddFile(const std::string& folder, const std::string& name,
                     const std::function<bool()>& interrupted, int64_t* size, std::string* hex,
                     Fingerprinter* whole) {
  CASSLE_ASSIGN_OR_RETURN(*size, FileSize(JoinPath(folder, name)));
  CASSLE_ASSIGN_OR_RETURN(*hex, FingerprintFile(JoinPath(folder, name), interrupted));
  whole->UpdateField(name);
  whole->UpdateField(absl::StrCat(*size));
  whole->UpdateField(*hex);
  return absl::OkStatus();
}

// As FingerprintFiles, of a folder that may hold anything and millions of files.
absl::StatusOr<std::string> FingerprintTree(const std::string& folder,
                                            const std::function<bool()>& interrupted) {
  Fingerprinter whole;
  // What may not be read may not be wanted either (lost+found of a disk): the stage tells.
  const auto unreadable = [&](const std::string& path, bool is_folder) {
    const int wanted = is_folder ? R_OK | X_OK : R_OK;
    if (access(JoinPath(folder, path).c_str(), wanted) == 0 || errno != EACCES) return false;
    whole.UpdateField(path);
    whole.UpdateField("unreadable");
    return true;
  };
  CASSLE_ASSIGN_OR_RETURN(const FileTree tree, ListTree(folder, {interrupted, unreadable}));
  int64_t size = 0;
  std::string hex;
  for (const std::string& name : tree.files) {
    if (interrupted && interrupted()) {
      return absl::CancelledError(
          absl::StrCat("interrupted while ", folder, " was read; start again to redo"));
    }
    if (IsManifest(name)) continue;
    CASSLE_RETURN_IF_ERROR(AddFile(folder, name, interrupted, &size, &hex, &whole));
  }
  for (const FileTree::Other& other : tree.others) {
    whole.UpdateField(other.path);
    whole.UpdateField(KindName(other.kind));
  }
  return whole.Hex();
}

}  // namespace

absl::StatusOr<v1::StageManifest> ReadManifest(const std::string& folder) {
  if (!FileExists(folder)) {
    const std::string partial = absl::StrCat(folder, kPartialEnding);
    return absl::NotFoundError(
        absl::StrCat(folder, " does not exist",
                     !IsDirectory(partial) ? ""
                     : IsBeingWritten(partial)
                         ? absl::StrCat(" yet: its stage is at work in ", partial)
                         : absl::StrCat("; ", partial, " is unfinished: run its stage again")));
  }
  const std::string path = JoinPath(folder, kManifestName);
  if (absl::EndsWith(folder, kPartialEnding) || !FileExists(path)) {
    return absl::NotFoundError(absl::StrCat(
        folder, " is not a complete stage output (no ", kManifestName,
        "): name a folder that a stage has written (shard-encoder makes one of images)"));
  }
  v1::StageManifest manifest;
  CASSLE_RETURN_IF_ERROR(ReadStoredTextProto(path, &manifest));
  // Every stage writes both, and the fingerprint behind the files: without them files may be
  // missing from the list, and an empty list is complete whatever is there.
  if (manifest.stage().empty() || manifest.fingerprint().empty()) {
    return absl::DataLossError(
        absl::StrCat(path, " is damaged or cut short: make the folder again with --force"));
  }
  return manifest;
}

absl::StatusOr<v1::StageManifest> ReadRecord(const std::string& folder) {
  std::string name = folder;
  while (name.size() > 1 && name.back() == '/') name.pop_back();
  if (!absl::EndsWith(name, kPartialEnding)) {
    const std::string partial = absl::StrCat(name, kPartialEnding);
    if (FileExists(name) || !IsDirectory(partial)) return ReadManifest(name);
    return absl::NotFoundError(
        absl::StrCat(name, " does not exist; ", partial, " is there: name it"));
  }
  if (!IsDirectory(name)) {
    const std::string finished(absl::StripSuffix(name, kPartialEnding));
    return absl::NotFoundError(absl::StrCat(
        name, " does not exist",
        IsDirectory(finished) ? absl::StrCat("; ", finished, " is there: name it") : ""));
  }
  // Complete but for its new name.
  v1::StageManifest manifest;
  if (ReadTextProto(JoinPath(name, kManifestName), &manifest).ok()) return manifest;
  v1::StageJob job;
  if (ReadTextProto(JoinPath(name, kJobName), &job).ok() && job.has_so_far()) return job.so_far();
  return absl::NotFoundError(absl::StrCat(name, " does not say what run it is of: ",
                                          IsBeingWritten(name)
                                              ? "wait until that has begun its work"
                                              : "run its stage again, or name another folder"));
}

absl::Status RequireComplete(const std::string& folder) {
  CASSLE_ASSIGN_OR_RETURN(v1::StageManifest manifest, ReadManifest(folder));
  for (const v1::FileFingerprint& file : manifest.files()) {
    const std::string path = JoinPath(folder, file.name());
    const absl::StatusOr<int64_t> size = FileSize(path);
    if (!size.ok()) {
      return absl::DataLossError(absl::StrCat(path, " is missing although ", kManifestName,
                                              " lists it: run stage ", manifest.stage(), " again"));
    }
    if (*size != file.size_bytes()) {
      return absl::DataLossError(absl::StrCat(path, " has ", *size, " bytes, ", kManifestName,
                                              " says ", file.size_bytes(), ": run stage ",
                                              manifest.stage(), " again"));
    }
  }
  return absl::OkStatus();
}

absl::Status RequireKind(const std::string& folder, const std::string& file,
                         const std::string& kind) {
  CASSLE_RETURN_IF_ERROR(RequireComplete(folder));
  if (FileExists(JoinPath(folder, file))) return absl::OkStatus();
  CASSLE_ASSIGN_OR_RETURN(const v1::StageManifest manifest, ReadManifest(folder));
  return absl::FailedPreconditionError(absl::StrCat(folder, " is an output of ", manifest.stage(),
                                                    " and is no ", kind, ": it has no ", file));
}

absl::Status FingerprintFiles(const std::string& folder, v1::StageManifest* manifest) {
  manifest->clear_files();
  CASSLE_ASSIGN_OR_RETURN(std::vector<std::string> names, ListFilesBelow(folder));
  Fingerprinter whole;
  for (const std::string& name : names) {
    if (IsManifest(name) || IsAside(name)) continue;
    v1::FileFingerprint* file = manifest->add_files();
    int64_t size = 0;
    CASSLE_RETURN_IF_ERROR(
        AddFile(folder, name, nullptr, &size, file->mutable_fingerprint(), &whole));
    file->set_name(name);
    file->set_size_bytes(size);
  }
  manifest->set_fingerprint(whole.Hex());
  return absl::OkStatus();
}

absl::StatusOr<std::string> FingerprintInput(const std::string& path,
                                             const std::function<bool()>& interrupted) {
  if (!IsDirectory(path)) {
    if (!FileExists(path)) return ReadManifest(path).status();
    if (IsPipe(path)) {
      return absl::InvalidArgumentError(absl::StrCat(
          path,
          " is a pipe, of which nothing can be read twice: write it to a file, or name - if the "
          "stage reads streams"));
    }
    return FingerprintFile(path, interrupted);
  }
  if (FileExists(JoinPath(path, kManifestName))) {
    CASSLE_RETURN_IF_ERROR(RequireComplete(path));
    CASSLE_ASSIGN_OR_RETURN(v1::StageManifest manifest, ReadManifest(path));
    return manifest.fingerprint();
  }
  if (absl::EndsWith(path, kPartialEnding)) return ReadManifest(path).status();
  return FingerprintTree(path, interrupted);
}

std::vector<std::pair<std::string, std::string>> SettingsOf(const std::string& options) {
  std::vector<std::pair<std::string, std::string>> settings;
  std::vector<std::string> above;
  for (absl::string_view line : absl::StrSplit(options, '\n', absl::SkipWhitespace())) {
    line = absl::StripAsciiWhitespace(line);
    if (line == "}") {
      if (!above.empty()) above.pop_back();
      continue;
    }
    const bool message = absl::ConsumeSuffix(&line, " {");
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    above.emplace_back(parts.first);
    const std::string path = absl::StrJoin(above, ".");
    // A message counts even if it holds nothing.
    const std::string value(message ? "chosen" : parts.second);
    const auto known = std::find_if(settings.begin(), settings.end(),
                                    [&](const auto& setting) { return setting.first == path; });
    if (known == settings.end()) {
      settings.emplace_back(path, value);
    } else {
      absl::StrAppend(&known->second, ",", value);
    }
    if (!message) above.pop_back();
  }
  return settings;
}

namespace {

std::string ValueOf(const std::vector<std::pair<std::string, std::string>>& settings,
                    const std::string& path) {
  for (const auto& [known, value] : settings) {
    if (known == path) return value;
  }
  return "not set";
}

}  // namespace

std::string DifferenceOfBirth(const v1::StageManifest& was, const v1::StageManifest& now) {
  if (was.stage() != now.stage()) return absl::StrCat("by stage ", was.stage());
  if (was.version() != now.version())
    return absl::StrCat("by version ", was.version(), " of the stage");
  const auto before = SettingsOf(was.options()), after = SettingsOf(now.options());
  std::vector<std::string> paths;
  for (const auto* settings : {&before, &after}) {
    for (const auto& setting : *settings) {
      if (std::find(paths.begin(), paths.end(), setting.first) == paths.end()) {
        paths.push_back(setting.first);
      }
    }
  }
  std::vector<std::string> differences;
  for (const std::string& path : paths) {
    const std::string there = ValueOf(before, path), here = ValueOf(after, path);
    if (there != here) {
      differences.push_back(absl::StrCat("--", path, ": ", there, " there, ", here, " now"));
    }
  }
  constexpr size_t kShown = 3;
  if (!differences.empty()) {
    const size_t more = differences.size() - std::min(differences.size(), kShown);
    differences.resize(differences.size() - more);
    return absl::StrCat("with other options (", absl::StrJoin(differences, "; "),
                        more > 0 ? absl::StrCat("; and ", more, " more") : "", ")");
  }
  return "from other inputs";
}

bool SameBirth(const v1::StageManifest& a, const v1::StageManifest& b) {
  if (a.stage() != b.stage() || a.version() != b.version() || a.options() != b.options() ||
      a.inputs_size() != b.inputs_size()) {
    return false;
  }
  for (int i = 0; i < a.inputs_size(); ++i) {
    if (a.inputs(i).field() != b.inputs(i).field() ||
        a.inputs(i).fingerprint() != b.inputs(i).fingerprint()) {
      return false;
    }
  }
  return true;
}

}  // namespace cassle
