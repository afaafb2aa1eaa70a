// DatasetWriter: fills a data set folder (the layout is drawn in cassle/data/records/dataset.h).
//
// Image ids count over all splits, and the images of a split have consecutive ids. So the writer
// works on one split at a time: images of later splits wait in a spool file until their turn.
#ifndef CASSLE_DATA_RECORDS_DATASET_WRITER_H_
#define CASSLE_DATA_RECORDS_DATASET_WRITER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/base/file.h"
#include "cassle/data/images/pixel_hash.h"
#include "cassle/data/records/dataset.pb.h"
#include "cassle/data/records/image_record.pb.h"
#include "cassle/data/records/tfrecord.h"

namespace cassle {

// Not thread-safe.
class DatasetWriter {
 public:
  // splits: all names, in the order of ids. A shard is closed when it has max_shard_bytes or more.
  DatasetWriter(std::string folder, std::vector<std::string> splits, int64_t max_shard_bytes);

  // Appends to split `split` (an index into the names); the writer sets the id. pixels: of all
  // images of a split, or of none.
  // \error kResourceExhausted if the disk is full; kInternal if the split is closed already.
  absl::Status Append(int split, v1::ImageRecord* record,
                      const std::optional<PixelHash>& pixels = std::nullopt);

  // No further image belongs to a split before `split`.
  absl::Status AdvanceTo(int split);

  // Closes everything and completes `info` (which brings name, classes, targets, mean and std) with
  // the splits that have images; writes dataset.textproto.
  absl::Status Finish(v1::DatasetInfo* info);

 private:
  absl::Status WriteRecord(v1::ImageRecord* record);
  absl::Status WriteHash(int split, const PixelHash& hash);
  absl::Status CloseShard();
  // Closes the current split and gives its shards their final names.
  absl::Status CloseSplit();
  // Moves what waits for the current split into its shards.
  absl::Status DrainSpool();
  std::string SpoolPath(int split) const;
  // The name of a shard while the number of shards is not known.
  std::string UnnumberedPath(int shard) const;

  const std::string folder_;
  const std::vector<std::string> names_;
  const int64_t max_shard_bytes_;
  int current_ = 0;
  uint64_t next_id_ = 0;
  v1::SplitInfo split_;
  std::vector<v1::SplitInfo> finished_;
  std::unique_ptr<TfRecordWriter> shard_;
  std::vector<std::unique_ptr<TfRecordWriter>> spools_;
  // Of each split, its SPLIT.pixels (cassle/data/records/pixel_hashes.h), once it has an image.
  std::vector<std::unique_ptr<FileWriter>> pixels_;
  std::string payload_;
};

}  // namespace cassle

#endif  // CASSLE_DATA_RECORDS_DATASET_WRITER_H_
