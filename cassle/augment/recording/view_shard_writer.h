// ViewShardWriter: ViewRecords in their order into shards, or as one stream on stdout.
#ifndef CASSLE_AUGMENT_RECORDING_VIEW_SHARD_WRITER_H_
#define CASSLE_AUGMENT_RECORDING_VIEW_SHARD_WRITER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/augment/recording/views.pb.h"
#include "cassle/data/records/tfrecord.h"

namespace cassle {

// Shard `shard` of a folder before Finish() gives it its name.
std::string UnnumberedViewShard(const std::string& folder, int64_t shard);

// A shard is complete when its index is there and fits. Shards have their final names only after
// Finish(), which knows how many there are. Not thread-safe.
class ViewShardWriter {
 public:
  // folder empty: one stream on stdout, without a limit of records.
  // first_shard: number of the first one; more than 0 where a part of an output is written.
  ViewShardWriter(std::string folder, int64_t records_per_shard, int64_t first_shard = 0);

  // Finds the complete shards of an earlier run and goes on behind them. Returns how many records
  // they hold: the caller begins with that one.
  // total_records  of all shards of this writer.
  // total_shards   of the whole output, as in info.part.
  absl::StatusOr<int64_t> Resume(int64_t total_records, int64_t total_shards);

  absl::Status Append(absl::string_view payload);

  // Closes the last shard, gives all their names and describes them in info.shards. The number of
  // all shards is that of info.part if there is one.
  absl::Status Finish(v1::ViewsInfo* info);

 private:
  // A run that ended after Finish had begun has given shards their names already.
  absl::Status TakeNameBack(int shard, int64_t total_shards);
  absl::Status CloseShard();
  std::string PathOf(int shard) const { return UnnumberedViewShard(folder_, first_shard_ + shard); }

  const std::string folder_;
  const int64_t records_per_shard_;
  const int64_t first_shard_;
  std::unique_ptr<TfRecordWriter> shard_;
  v1::ViewsInfo done_;
};

}  // namespace cassle

#endif  // CASSLE_AUGMENT_RECORDING_VIEW_SHARD_WRITER_H_
