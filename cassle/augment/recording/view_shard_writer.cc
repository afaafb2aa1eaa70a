#include "cassle/augment/recording/view_shard_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

// The index of the shard being written: it gets its name when both are on disk.
constexpr char kGrowingIndex[] = ".index.growing";
// A stream has none, and its offsets must not gather in memory either.
constexpr char kNoIndex[] = "/dev/null";

}  // namespace

std::string UnnumberedViewShard(const std::string& folder, int64_t shard) {
  return JoinPath(folder, absl::StrFormat("%s-%05d.tfrecord", kViewShardName, shard));
}

ViewShardWriter::ViewShardWriter(std::string folder, int64_t records_per_shard, int64_t first_shard)
    : folder_(std::move(folder)),
      records_per_shard_(records_per_shard),
      first_shard_(first_shard) {}

absl::Status ViewShardWriter::TakeNameBack(int shard, int64_t total_shards) {
  const std::string named =
      JoinPath(folder_, ShardFileName(kViewShardName, static_cast<int>(first_shard_) + shard,
                                      static_cast<int>(total_shards)));
  for (const char* ending : {"", ".index"}) {
    if (FileExists(PathOf(shard) + ending) || !FileExists(named + ending)) continue;
    CASSLE_RETURN_IF_ERROR(Rename(named + ending, PathOf(shard) + ending));
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> ViewShardWriter::Resume(int64_t total_records, int64_t total_shards) {
  int64_t records = 0;
  while (records < total_records) {
    const std::string path = PathOf(done_.shards_size());
    CASSLE_RETURN_IF_ERROR(TakeNameBack(done_.shards_size(), total_shards));
    const int64_t expected = std::min(records_per_shard_, total_records - records);
    const absl::StatusOr<int64_t> bytes = FileSize(path);
    if (!bytes.ok() || !FileExists(path + ".index")) break;
    // The index is written after the shard is on disk; it may be torn itself.
    const auto offsets = ReadRecordIndex(path, expected, *bytes);
    if (!offsets.ok()) break;
    CASSLE_ASSIGN_OR_RETURN(const auto file, MapFile(path));
    const auto last = RecordAt(file->bytes(), offsets->back(), path, expected - 1);
    if (!last.ok() ||
        offsets->back() + last->size() + kRecordOverheadBytes != static_cast<uint64_t>(*bytes)) {
      break;
    }
    v1::ShardInfo* shard = done_.add_shards();
    shard->set_num_records(expected);
    shard->set_size_bytes(*bytes);
    records += expected;
  }
  return records;
}

absl::Status ViewShardWriter::Append(absl::string_view payload) {
  if (shard_ != nullptr && !folder_.empty() && shard_->num_records() >= records_per_shard_) {
    CASSLE_RETURN_IF_ERROR(CloseShard());
  }
  if (shard_ == nullptr) {
    const std::string path = folder_.empty() ? "-" : PathOf(done_.shards_size());
    if (!folder_.empty()) {
      // An index of an earlier, torn run must not vouch for the new shard, and what is there may be
      // the file of a part as well (LinkParts).
      CASSLE_RETURN_IF_ERROR(RemoveAll(path + ".index"));
      CASSLE_RETURN_IF_ERROR(RemoveAll(path));
    }
    CASSLE_ASSIGN_OR_RETURN(
        shard_, TfRecordWriter::Open(path, folder_.empty() ? kNoIndex : path + kGrowingIndex));
  }
  return shard_->Append(payload);
}

absl::Status ViewShardWriter::CloseShard() {
  CASSLE_RETURN_IF_ERROR(shard_->Close());
  if (!folder_.empty()) {
    const std::string path = PathOf(done_.shards_size());
    CASSLE_RETURN_IF_ERROR(Rename(path + kGrowingIndex, path + ".index"));
    v1::ShardInfo* shard = done_.add_shards();
    shard->set_num_records(shard_->num_records());
    shard->set_size_bytes(shard_->size_bytes());
  }
  shard_.reset();
  return absl::OkStatus();
}

absl::Status ViewShardWriter::Finish(v1::ViewsInfo* info) {
  if (shard_ != nullptr) CASSLE_RETURN_IF_ERROR(CloseShard());
  const int total =
      info->has_part() ? static_cast<int>(info->part().total_shards()) : done_.shards_size();
  for (int i = 0; i < done_.shards_size(); ++i) {
    const std::string name =
        ShardFileName(kViewShardName, static_cast<int>(first_shard_) + i, total);
    const std::string path = JoinPath(folder_, name);
    CASSLE_RETURN_IF_ERROR(Rename(PathOf(i), path));
    CASSLE_RETURN_IF_ERROR(Rename(PathOf(i) + ".index", path + ".index"));
    done_.mutable_shards(i)->set_file(name);
  }
  *info->mutable_shards() = done_.shards();
  info->set_records_per_shard(records_per_shard_);
  return absl::OkStatus();
}

}  // namespace cassle
