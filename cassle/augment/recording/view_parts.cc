#include "cassle/augment/recording/view_parts.h"

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/augment/recording/view_shard_writer.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

struct Part {
  std::string folder;
  v1::ViewsInfo info;
};

// The manifest that the whole would have: without the lines that say which part it is.
v1::StageManifest OfTheWhole(v1::StageManifest manifest) {
  std::vector<std::string> lines = absl::StrSplit(manifest.options(), '\n');
  std::string options;
  for (size_t i = 0; i < lines.size(); ++i) {
    if (absl::StartsWith(lines[i], "shard_index:") || absl::StartsWith(lines[i], "num_shards:")) {
      continue;
    }
    absl::StrAppend(&options, lines[i], i + 1 < lines.size() ? "\n" : "");
  }
  manifest.set_options(options);
  return manifest;
}

absl::StatusOr<Part> OpenPart(const std::string& folder, const v1::StageManifest& expected) {
  CASSLE_RETURN_IF_ERROR(RequireComplete(folder));
  CASSLE_ASSIGN_OR_RETURN(const v1::StageManifest manifest, ReadManifest(folder));
  const v1::StageManifest whole = OfTheWhole(manifest);
  if (!SameBirth(whole, expected)) {
    return absl::FailedPreconditionError(absl::StrCat(
        folder, " is no part of this output: it was made ", DifferenceOfBirth(whole, expected)));
  }
  Part part;
  part.folder = folder;
  CASSLE_ASSIGN_OR_RETURN(part.info, ReadViewsInfo(folder));
  if (!part.info.has_part()) {
    return absl::FailedPreconditionError(
        absl::StrCat(folder, " is not a part but a whole output: it needs no --merge"));
  }
  return part;
}

// The folder itself if it is a stage output, else the folders in it; unfinished ones are left out
// and show as missing.
absl::Status ListParts(const std::string& folder, std::vector<std::string>* found) {
  if (!IsDirectory(folder) || FileExists(JoinPath(folder, kManifestName))) {
    found->push_back(folder);
    return absl::OkStatus();
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(folder));
  for (const std::string& name : names) {
    const std::string path = JoinPath(folder, name);
    if (IsDirectory(path) && !absl::EndsWith(name, ".partial")) found->push_back(path);
  }
  return absl::OkStatus();
}

// An earlier run may have left shards under their final names, or the index of one that was
// growing: they would stay beside those that are linked, and be taken for output.
absl::Status RemoveViewShards(const std::string& folder) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(folder));
  for (const std::string& name : names) {
    if (!absl::StartsWith(name, absl::StrCat(kViewShardName, "-"))) continue;
    CASSLE_RETURN_IF_ERROR(RemoveAll(JoinPath(folder, name)));
  }
  return absl::OkStatus();
}

absl::Status CheckAllThere(const std::vector<Part>& parts, const std::string& where) {
  if (parts.empty()) {
    return absl::NotFoundError(absl::StrCat(
        where, " holds no parts: name the outputs of augment-and-record with --shard_index"));
  }
  const int64_t count = parts[0].info.part().count();
  std::vector<const Part*> by_index(count);
  for (const Part& part : parts) {
    const v1::ViewsPart& number = part.info.part();
    if (number.count() != count || number.index() >= count) {
      return absl::FailedPreconditionError(
          absl::StrCat(part.folder, " is part ", number.index(), " of ", number.count(), ", but ",
                       parts[0].folder, " is part ", parts[0].info.part().index(), " of ", count,
                       ": all must be made with the same --num_shards"));
    }
    const Part*& place = by_index[number.index()];
    if (place != nullptr) {
      return absl::FailedPreconditionError(absl::StrCat(part.folder, " and ", place->folder,
                                                        " are both part ", number.index(), " of ",
                                                        count, ": leave one out"));
    }
    place = &part;
  }
  std::vector<int64_t> missing;
  for (int64_t i = 0; i < count; ++i) {
    if (by_index[i] == nullptr) missing.push_back(i);
  }
  if (missing.empty()) return absl::OkStatus();
  return absl::NotFoundError(absl::StrCat(
      where, " holds ", parts.size(), " of ", count,
      " parts: run --shard_index=", absl::StrJoin(missing, ", "), " (again), then merge"));
}

}  // namespace

absl::StatusOr<v1::ViewsPart> PartOfShards(int64_t total_shards, int64_t index, int64_t count) {
  if (count > total_shards) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--num_shards=", count, ", but the output has only ", total_shards,
        total_shards == 1 ? " shard file" : " shard files",
        ": use fewer parts, or shorter files (--records_per_shard, the same in every part)"));
  }
  v1::ViewsPart part;
  part.set_index(index);
  part.set_count(count);
  part.set_first_shard(total_shards * index / count);
  part.set_end_shard(total_shards * (index + 1) / count);
  part.set_total_shards(total_shards);
  return part;
}

absl::Status LinkParts(const std::vector<std::string>& folders, const v1::StageManifest& expected,
                       const std::string& folder) {
  std::vector<std::string> found;
  for (const std::string& given : folders) CASSLE_RETURN_IF_ERROR(ListParts(given, &found));
  std::vector<Part> parts;
  for (const std::string& path : found) {
    CASSLE_ASSIGN_OR_RETURN(Part part, OpenPart(path, expected));
    parts.push_back(std::move(part));
  }
  CASSLE_RETURN_IF_ERROR(CheckAllThere(parts, absl::StrJoin(folders, ", ")));
  CASSLE_RETURN_IF_ERROR(RemoveViewShards(folder));
  for (const Part& part : parts) {
    for (int s = 0; s < part.info.shards_size(); ++s) {
      const std::string from = JoinPath(part.folder, part.info.shards(s).file());
      const std::string to = UnnumberedViewShard(folder, part.info.part().first_shard() + s);
      CASSLE_RETURN_IF_ERROR(LinkOrCopy(from, to));
      CASSLE_RETURN_IF_ERROR(LinkOrCopy(from + ".index", to + ".index"));
    }
  }
  return absl::OkStatus();
}

}  // namespace cassle
