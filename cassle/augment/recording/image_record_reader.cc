#include "cassle/augment/recording/image_record_reader.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"

namespace cassle {

absl::StatusOr<std::unique_ptr<ImageRecordReader>> ImageRecordReader::Open(
    const std::string& path, const std::string& split) {
  std::unique_ptr<ImageRecordReader> source(new ImageRecordReader);
  if (path == "-") {
    if (!split.empty()) {
      return absl::InvalidArgumentError(
          "--split does not go with --input=-: a stream has no splits");
    }
    CASSLE_ASSIGN_OR_RETURN(source->stream_, TfRecordReader::Open(path));
  } else {
    source->folder_ = path;
    CASSLE_ASSIGN_OR_RETURN(source->dataset_, ReadDatasetSplit(path, split));
  }
  return source;
}

int64_t ImageRecordReader::size() const {
  if (!is_stream()) return dataset_.split().num_images();
  return stream_ended_ ? stream_images_ : -1;
}

uint64_t ImageRecordReader::first_id() const {
  return is_stream() ? stream_first_id_ : dataset_.first_id;
}

absl::StatusOr<bool> ImageRecordReader::ReadFromStream(v1::ImageRecord* record) {
  std::string payload;
  CASSLE_ASSIGN_OR_RETURN(const bool more, stream_->Next(&payload));
  if (!more) {
    stream_ended_ = true;
    return false;
  }
  if (!record->ParseFromString(payload)) {
    return absl::DataLossError(
        absl::StrCat("stdin: record ", stream_images_, " is not an ImageRecord"));
  }
  if (stream_images_ == 0) stream_first_id_ = record->id();
  if (record->id() != stream_first_id_ + static_cast<uint64_t>(stream_images_)) {
    return absl::DataLossError(
        absl::StrCat("stdin: record ", stream_images_, " has id ", record->id(), " instead of ",
                     stream_first_id_ + static_cast<uint64_t>(stream_images_),
                     ": images must come in the order of their ids, without gaps"));
  }
  ++stream_images_;
  return true;
}

absl::Status ImageRecordReader::Read(int64_t first, int64_t count,
                                     std::vector<v1::ImageRecord>* records) {
  if (is_stream()) {
    if (first != stream_images_) {
      return absl::InternalError(
          absl::StrCat("a stream at image ", stream_images_, " was asked for image ", first));
    }
    records->clear();
    while (static_cast<int64_t>(records->size()) < count && !stream_ended_) {
      v1::ImageRecord record;
      CASSLE_ASSIGN_OR_RETURN(const bool more, ReadFromStream(&record));
      if (more) records->push_back(std::move(record));
    }
    return absl::OkStatus();
  }
  records->resize(std::max<int64_t>(0, std::min(count, size() - first)));
  if (records->empty()) return absl::OkStatus();
  if (reader_ == nullptr || first != position_) CASSLE_RETURN_IF_ERROR(SeekTo(first));
  for (v1::ImageRecord& record : *records) CASSLE_RETURN_IF_ERROR(ReadFromShards(&record));
  return absl::OkStatus();
}

absl::Status ImageRecordReader::SeekTo(int64_t index) {
  const v1::SplitInfo& split = dataset_.split();
  int64_t first = 0;
  shard_ = 0;
  while (shard_ + 1 < split.shards_size() && first + split.shards(shard_).num_records() <= index) {
    first += split.shards(shard_).num_records();
    ++shard_;
  }
  const std::string path = JoinPath(folder_, split.shards(shard_).file());
  CASSLE_ASSIGN_OR_RETURN(const uint64_t offset, ReadRecordOffset(path, index - first));
  CASSLE_ASSIGN_OR_RETURN(reader_, TfRecordReader::Open(path, index - first, offset));
  position_ = index;
  return absl::OkStatus();
}

absl::Status ImageRecordReader::ReadFromShards(v1::ImageRecord* record) {
  const v1::SplitInfo& split = dataset_.split();
  std::string payload;
  CASSLE_ASSIGN_OR_RETURN(bool more, reader_->Next(&payload));
  while (!more && shard_ + 1 < split.shards_size()) {
    ++shard_;
    CASSLE_ASSIGN_OR_RETURN(reader_,
                            TfRecordReader::Open(JoinPath(folder_, split.shards(shard_).file())));
    CASSLE_ASSIGN_OR_RETURN(more, reader_->Next(&payload));
  }
  if (!more || !record->ParseFromString(payload) ||
      record->id() != first_id() + static_cast<uint64_t>(position_)) {
    return absl::DataLossError(
        absl::StrCat(JoinPath(folder_, split.shards(shard_).file()), ": image ",
                     first_id() + static_cast<uint64_t>(position_), " is not where ",
                     kDatasetInfoName, " says: encode the data set again"));
  }
  ++position_;
  return absl::OkStatus();
}

absl::Status ImageRecordReader::ReadAt(int64_t index, v1::ImageRecord* record) {
  std::vector<v1::ImageRecord> one;
  CASSLE_RETURN_IF_ERROR(Read(index, 1, &one));
  if (one.empty()) return absl::InvalidArgumentError(absl::StrCat("there is no image ", index));
  *record = std::move(one[0]);
  return absl::OkStatus();
}

}  // namespace cassle
