// RecordReader: ViewRecords in the order in which they were written, from a folder of recorded
// views, a part of one, a single shard file, or stdin. Memory does not depend on their number.
// For random access from threads use RecordedViews (recorded_views.h).
#ifndef CASSLE_AUGMENT_RECORDING_RECORD_READER_H_
#define CASSLE_AUGMENT_RECORDING_RECORD_READER_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/augment/recording/views.pb.h"
#include "cassle/data/records/tfrecord.h"
#include "cassle/data/records/view_record.pb.h"

namespace cassle {

// Not thread-safe.
class RecordReader {
 public:
  // path: a folder, a shard file (with its folder's views.textproto beside it, or alone), or "-".
  // sample: reads only so many records, by a keyed permutation; 0: all. Not for "-" or a lone file.
  // \error as ReadViewsInfo (recorded_views.h); kNotFound of a file; kInvalidArgument for an
  // impossible sample.
  static absl::StatusOr<std::unique_ptr<RecordReader>> Open(const std::string& path,
                                                            int64_t sample);

  // What the folder says of its views; empty for a stream or a lone file.
  const std::optional<v1::ViewsInfo>& info() const { return info_; }
  // Records that will be read; -1: unknown.
  int64_t size() const { return size_; }

  // Sets `record` and its number within everything recorded, or within the stream; false at the
  // end.
  // \error kDataLoss naming file and record; a record in the place of another is an error too.
  absl::StatusOr<bool> Next(v1::ViewRecord* record, int64_t* number);

 private:
  RecordReader() = default;
  absl::Status OpenFolder(const std::string& folder, const std::string& only_file);
  absl::Status DrawSample(int64_t sample);
  absl::StatusOr<bool> NextPayload(std::string* payload, int64_t* number);
  absl::Status CheckPlace(const v1::ViewRecord& record, int64_t number) const;

  struct Shard {
    std::string path;
    int64_t first = 0;
    int64_t num_records = 0;
  };
  std::optional<v1::ViewsInfo> info_;
  int64_t size_ = -1;
  std::vector<Shard> shards_;
  // Places within shards_ taken together, rising; empty: all.
  std::vector<int64_t> sample_;
  size_t next_sample_ = 0;
  size_t shard_ = 0;
  std::unique_ptr<TfRecordReader> reader_;
  std::string path_;
};

}  // namespace cassle

#endif  // CASSLE_AUGMENT_RECORDING_RECORD_READER_H_
