// TFRecord files: the framing of every shard, readable by any TFRecord reader. One record:
//
//   +-----------------+---------------------+----------------+----------------------+
//   | length, uint64  | masked CRC32C of    | payload,       | masked CRC32C of     |
//   | little-endian   | the length, uint32  | `length` bytes | the payload, uint32  |
//   +-----------------+---------------------+----------------+----------------------+
//
// masked = rotate_right(crc, 15) + 0xa282ead8. Beside a shard FILE lies FILE.index: the byte offset
// of every record's frame, uint64 little-endian, for random access.
// To read the images of a data set use cassle/data/records/dataset.h.
#ifndef CASSLE_DATA_RECORDS_TFRECORD_H_
#define CASSLE_DATA_RECORDS_TFRECORD_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/base/file.h"

namespace cassle {

// Bytes of a frame around its payload.
inline constexpr int64_t kRecordOverheadBytes = 16;
// What Protobuf can hold; a longer record is taken for damage.
inline constexpr int64_t kMaxRecordBytes = INT32_MAX;

// CRC32C (Castagnoli) of some bytes, and as the format stores it.
uint32_t Crc32c(absl::string_view bytes);
uint32_t MaskedCrc32c(absl::string_view bytes);

// "NAME-00003-of-00016.tfrecord".
std::string ShardFileName(absl::string_view name, int shard, int num_shards);

// Appends records to a file, or to stdout ("-"). Not thread-safe.
class TfRecordWriter {
 public:
  // index_path   where offsets are written as records come, so that memory does not grow with
  //              their number; empty: they are kept in offsets().
  // \error kResourceExhausted if the file cannot be written.
  static absl::StatusOr<std::unique_ptr<TfRecordWriter>> Open(const std::string& path,
                                                              const std::string& index_path = "");
  // \error kResourceExhausted, e.g. on a full disk; kInvalidArgument above kMaxRecordBytes.
  absl::Status Append(absl::string_view payload);
  // Flushes and fsyncs; errors of earlier writes show here at the latest.
  absl::Status Close();

  int64_t size_bytes() const { return file_->size(); }
  int64_t num_records() const { return num_records_; }
  // Where each record begins; empty with an index_path.
  const std::vector<uint64_t>& offsets() const { return offsets_; }

 private:
  TfRecordWriter(std::unique_ptr<FileWriter> file, std::unique_ptr<FileWriter> index)
      : file_(std::move(file)), index_(std::move(index)) {}
  std::unique_ptr<FileWriter> file_;
  std::unique_ptr<FileWriter> index_;
  int64_t num_records_ = 0;
  std::vector<uint64_t> offsets_;
};

// Reads records in order from a file or from stdin ("-"). Not thread-safe.
class TfRecordReader {
 public:
  // Begins with the record number `record`, whose frame is at `offset`.
  // \error kNotFound if the file cannot be opened.
  static absl::StatusOr<std::unique_ptr<TfRecordReader>> Open(const std::string& path,
                                                              int64_t record = 0,
                                                              uint64_t offset = 0);
  ~TfRecordReader();

  // Sets `payload` and returns true; false at the end.
  // \error kDataLoss naming file, record number (from 0) and byte offset if the file ends inside
  // the record or a checksum is wrong. Never takes much more memory than the file has bytes.
  absl::StatusOr<bool> Next(std::string* payload);

  // Number of the next record, and where it begins.
  int64_t num_records() const { return num_records_; }
  int64_t offset() const { return offset_; }

 private:
  TfRecordReader(std::string name, int fd) : name_(std::move(name)), fd_(fd) {}
  // Up to `size` bytes into `out`; fewer only at the end of the file.
  absl::StatusOr<int64_t> Read(int64_t size, std::string* out);
  absl::Status Damage(absl::string_view reason) const;

  const std::string name_;
  const int fd_;
  std::string buffer_;
  size_t used_ = 0;
  int64_t num_records_ = 0;
  int64_t offset_ = 0;
};

// The payload of the record whose frame begins at `offset` of a whole file in memory; both
// checksums are verified. file and record are named in errors. The result points into file_bytes.
// \error kDataLoss as TfRecordReader::Next.
absl::StatusOr<absl::string_view> RecordAt(absl::string_view file_bytes, uint64_t offset,
                                           absl::string_view file, int64_t record);

// Writes FILE.index for the shard `file`.
absl::Status WriteRecordIndex(const std::string& file, const std::vector<uint64_t>& offsets);

// Entry `record` of FILE.index alone: where the frame of that record begins.
// \error kNotFound if the index is missing; kDataLoss if it is shorter.
absl::StatusOr<uint64_t> ReadRecordOffset(const std::string& file, int64_t record);

// Reads FILE.index.
// \error kNotFound if it is missing; kDataLoss if it has not num_records entries that rise from 0
// and leave room for a frame each before shard_bytes.
absl::StatusOr<std::vector<uint64_t>> ReadRecordIndex(const std::string& file, int64_t num_records,
                                                      int64_t shard_bytes);

}  // namespace cassle

#endif  // CASSLE_DATA_RECORDS_TFRECORD_H_
