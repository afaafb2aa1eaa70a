#include "cassle/augment/view_shard_writer.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/augment/recorded_views.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"

namespace cassle {

ViewShardWriter::ViewShardWriter(std::string folder, int64_t records_per_shard)
    : folder_(std::move(folder)), records_per_shard_(records_per_shard) {}

std::string ViewShardWriter::UnnumberedPath(int shard) const {
  return JoinPath(folder_, absl::StrFormat("%s-%05d.tfrecord", kViewShardName, shard));
}

absl::StatusOr<int64_t> ViewShardWriter::Resume(int64_t total_records) {
  int64_t records = 0;
  while (records < total_records) {
    const std::string path = UnnumberedPath(done_.shards_size());
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
    const std::string path = folder_.empty() ? "-" : UnnumberedPath(done_.shards_size());
    // An index of an earlier, torn run must not vouch for the new shard.
    if (!folder_.empty()) CASSLE_RETURN_IF_ERROR(RemoveAll(path + ".index"));
    CASSLE_ASSIGN_OR_RETURN(shard_, TfRecordWriter::Open(path));
  }
  return shard_->Append(payload);
}

absl::Status ViewShardWriter::CloseShard() {
  CASSLE_RETURN_IF_ERROR(shard_->Close());
  if (!folder_.empty()) {
    const std::string path = UnnumberedPath(done_.shards_size());
    CASSLE_RETURN_IF_ERROR(WriteRecordIndex(path, shard_->offsets()));
    v1::ShardInfo* shard = done_.add_shards();
    shard->set_num_records(shard_->num_records());
    shard->set_size_bytes(shard_->size_bytes());
  }
  shard_.reset();
  return absl::OkStatus();
}

absl::Status ViewShardWriter::Finish(v1::ViewsInfo* info) {
  if (shard_ != nullptr) CASSLE_RETURN_IF_ERROR(CloseShard());
  for (int i = 0; i < done_.shards_size(); ++i) {
    const std::string name = ShardFileName(kViewShardName, i, done_.shards_size());
    const std::string path = JoinPath(folder_, name);
    CASSLE_RETURN_IF_ERROR(Rename(UnnumberedPath(i), path));
    CASSLE_RETURN_IF_ERROR(Rename(UnnumberedPath(i) + ".index", path + ".index"));
    done_.mutable_shards(i)->set_file(name);
  }
  *info->mutable_shards() = done_.shards();
  info->set_records_per_shard(records_per_shard_);
  return absl::OkStatus();
}

}  // namespace cassle
