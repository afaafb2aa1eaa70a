#include "cassle/data/records/dataset.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/out_of_memory.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/tfrecord.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

// The images of a split are those of its shards.
absl::Status CheckCounts(const v1::SplitInfo& split) {
  int64_t in_shards = 0;
  bool sound = true;
  for (const v1::ShardInfo& shard : split.shards()) {
    sound = sound && shard.num_records() >= 0 &&
            !__builtin_add_overflow(in_shards, shard.num_records(), &in_shards);
  }
  if (sound && in_shards == split.num_images()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("split '", split.name(), "' has ", split.num_images(),
                                          " images, but its shards have ", in_shards));
}

}  // namespace

absl::StatusOr<DatasetSplit> ReadDatasetSplit(const std::string& folder, const std::string& split,
                                              absl::string_view flag) {
  CASSLE_RETURN_IF_ERROR(RequireKind(folder, kDatasetInfoName, "data set (of shard-encoder)"));
  DatasetSplit found;
  const std::string info_path = JoinPath(folder, kDatasetInfoName);
  CASSLE_RETURN_IF_ERROR(ReadStoredTextProto(info_path, &found.info));
  for (const v1::SplitInfo& candidate : found.info.splits()) {
    CASSLE_RETURN_IF_ERROR(Annotate(CheckCounts(candidate), info_path));
  }
  std::vector<std::string> names;
  for (const v1::SplitInfo& candidate : found.info.splits()) {
    if (candidate.name() == split || (split.empty() && names.empty())) {
      found.number = static_cast<int>(names.size());
      return found;
    }
    found.first_id += static_cast<uint64_t>(candidate.num_images());
    names.push_back(candidate.name());
  }
  return absl::InvalidArgumentError(
      absl::StrCat(flag.empty() ? "" : absl::StrCat("--", flag, "=", split, ": "), folder,
                   " has no split '", split, "'; it has ", absl::StrJoin(names, ", ")));
}

absl::StatusOr<std::shared_ptr<const Dataset>> Dataset::Open(const std::string& folder,
                                                             const std::string& split,
                                                             absl::string_view flag) {
  std::shared_ptr<Dataset> dataset(new Dataset);
  dataset->folder_ = folder;
  CASSLE_ASSIGN_OR_RETURN(dataset->description_, ReadDatasetSplit(folder, split, flag));
  CASSLE_RETURN_IF_ERROR(dataset->OpenShards());
  return std::shared_ptr<const Dataset>(std::move(dataset));
}

absl::Status Dataset::OpenShards() {
  int64_t first = 0;
  for (const v1::ShardInfo& info : split().shards()) {
    Shard shard;
    shard.path = JoinPath(folder_, info.file());
    shard.first = first;
    CASSLE_ASSIGN_OR_RETURN(shard.file, MapFile(shard.path));
    const int64_t bytes = static_cast<int64_t>(shard.file->bytes().size());
    if (bytes != info.size_bytes()) {
      return absl::DataLossError(absl::StrCat(shard.path, ": ", bytes, " bytes instead of ",
                                              info.size_bytes(), " (truncated or replaced)"));
    }
    CASSLE_ASSIGN_OR_RETURN(shard.offsets, ReadRecordIndex(shard.path, info.num_records(), bytes));
    first += info.num_records();
    shards_.push_back(std::move(shard));
  }
  return absl::OkStatus();
}

absl::Status Dataset::Read(int64_t index, v1::ImageRecord* record) const {
  if (index < 0 || index >= size()) {
    return absl::InvalidArgumentError(absl::StrCat("image ", index, " of ", folder_, ": split '",
                                                   split().name(), "' has ", size(), " images"));
  }
  const auto after =
      std::upper_bound(shards_.begin(), shards_.end(), index,
                       [](int64_t wanted, const Shard& shard) { return wanted < shard.first; });
  const Shard& shard = *(after - 1);
  const int64_t within = index - shard.first;
  CASSLE_ASSIGN_OR_RETURN(const absl::string_view payload,
                          RecordAt(shard.file->bytes(), shard.offsets[within], shard.path, within));
  if (!record->ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return absl::DataLossError(
        absl::StrCat(shard.path, ": record ", within, " is not an ImageRecord"));
  }
  if (record->id() != first_id() + static_cast<uint64_t>(index)) {
    return absl::DataLossError(absl::StrCat(shard.path, ": record ", within, " has id ",
                                            record->id(), " instead of ",
                                            first_id() + static_cast<uint64_t>(index)));
  }
  return absl::OkStatus();
}

absl::Status Dataset::Decode(const v1::ImageRecord& record, RgbImage* image) const {
  const absl::Status decoded = CatchOutOfMemory([&] {
    return DecodeImage(record.encoded(), record.format(), static_cast<int>(record.height()),
                       static_cast<int>(record.width()), image, {.max_pixels = int64_t{1} << 40});
  });
  return Annotate(decoded, absl::StrCat(folder_, ": image ", record.id(), " (", record.key(), ")"));
}

absl::Status Dataset::ReadImage(int64_t index, v1::ImageRecord* record, RgbImage* image) const {
  CASSLE_RETURN_IF_ERROR(Read(index, record));
  return Decode(*record, image);
}

}  // namespace cassle
