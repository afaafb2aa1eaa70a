// Where the recorder's images come from: a split of a data set, in order and at random, or a stream
// of ImageRecords, once and in order.
#ifndef CASSLE_AUGMENT_RECORDING_IMAGE_RECORD_READER_H_
#define CASSLE_AUGMENT_RECORDING_IMAGE_RECORD_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/records/tfrecord.h"

namespace cassle {

// Not thread-safe.
class ImageRecordReader {
 public:
  // path: a data set folder, or "-" for stdin (then `split` must be empty).
  static absl::StatusOr<std::unique_ptr<ImageRecordReader>> Open(const std::string& path,
                                                                 const std::string& split);

  bool is_stream() const { return stream_ != nullptr; }
  // Number of images; -1 for a stream that has not ended.
  int64_t size() const;
  // Id of image 0; images have consecutive ids.
  uint64_t first_id() const;
  // Name of the split; empty for a stream.
  std::string split() const { return is_stream() ? "" : dataset_.split().name(); }

  // Sets `records` to images first .. first+count-1, fewer at the end. Fast when `first` is where
  // the last call ended or 0; a stream can do nothing else.
  // \error kDataLoss naming file and record.
  absl::Status Read(int64_t first, int64_t count, std::vector<v1::ImageRecord>* records);

  // One image anywhere; not for a stream.
  absl::Status ReadAt(int64_t index, v1::ImageRecord* record);

 private:
  ImageRecordReader() = default;
  absl::StatusOr<bool> ReadFromStream(v1::ImageRecord* record);
  // Opens the shard of image `index` at that image.
  absl::Status SeekTo(int64_t index);
  absl::Status ReadFromShards(v1::ImageRecord* record);

  // Shards are read as files, not through a Dataset: the pages of its mapping and its offsets of
  // all records would count as this process's memory.
  std::string folder_;
  DatasetSplit dataset_;
  std::unique_ptr<TfRecordReader> reader_;
  int shard_ = -1;
  // The image that reader_ is at.
  int64_t position_ = 0;

  std::unique_ptr<TfRecordReader> stream_;
  bool stream_ended_ = false;
  int64_t stream_images_ = 0;
  uint64_t stream_first_id_ = 0;
};

}  // namespace cassle

#endif  // CASSLE_AUGMENT_RECORDING_IMAGE_RECORD_READER_H_
