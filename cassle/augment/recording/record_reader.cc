#include "cassle/augment/recording/record_reader.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/base/file.h"
#include "cassle/base/permutation.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

// Any fixed number: the same sample on every machine.
constexpr uint64_t kSampleKey = 0x7265706c6179;

}  // namespace

absl::StatusOr<std::unique_ptr<RecordReader>> RecordReader::Open(const std::string& path,
                                                                 int64_t sample) {
  std::unique_ptr<RecordReader> reader(new RecordReader);
  reader->path_ = path;
  if (IsDirectory(path)) {
    CASSLE_RETURN_IF_ERROR(reader->OpenFolder(path, ""));
  } else if (path != "-" && FileExists(JoinPath(DirName(path), kViewsInfoName))) {
    CASSLE_RETURN_IF_ERROR(reader->OpenFolder(DirName(path), BaseName(path)));
  } else {
    CASSLE_ASSIGN_OR_RETURN(reader->reader_, TfRecordReader::Open(path));
  }
  if (sample != 0) CASSLE_RETURN_IF_ERROR(reader->DrawSample(sample));
  return reader;
}

absl::Status RecordReader::OpenFolder(const std::string& folder, const std::string& only_file) {
  CASSLE_ASSIGN_OR_RETURN(info_, ReadViewsInfo(folder));
  int64_t first = info_->part().first_shard() * info_->records_per_shard();
  size_ = 0;
  for (const v1::ShardInfo& shard : info_->shards()) {
    if (only_file.empty() || shard.file() == only_file) {
      shards_.push_back({JoinPath(folder, shard.file()), first, shard.num_records()});
      size_ += shard.num_records();
    }
    first += shard.num_records();
  }
  if (size_ > 0) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(JoinPath(folder, only_file),
                   only_file.empty() ? " holds no records" : " is no shard of its folder"));
}

absl::Status RecordReader::DrawSample(int64_t sample) {
  if (shards_.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("--sample needs a folder of recorded views; ",
                                                   path_, " is read once, in order"));
  }
  if (sample > size_) {
    return absl::InvalidArgumentError(
        absl::StrCat("--sample=", sample, ": ", path_, " has ", size_, " records"));
  }
  const KeyedPermutation permutation(size_, kSampleKey);
  for (int64_t i = 0; i < sample; ++i) sample_.push_back(static_cast<int64_t>(permutation(i)));
  std::sort(sample_.begin(), sample_.end());
  size_ = sample;
  return absl::OkStatus();
}

absl::StatusOr<bool> RecordReader::NextPayload(std::string* payload, int64_t* number) {
  if (shards_.empty()) {
    *number = reader_->num_records();
    return reader_->Next(payload);
  }
  if (!sample_.empty()) {
    if (next_sample_ == sample_.size()) return false;
    int64_t place = sample_[next_sample_++];
    size_t shard = 0;
    while (place >= shards_[shard].num_records) place -= shards_[shard++].num_records;
    const std::string& path = shards_[shard].path;
    CASSLE_ASSIGN_OR_RETURN(const uint64_t offset, ReadRecordOffset(path, place));
    CASSLE_ASSIGN_OR_RETURN(reader_, TfRecordReader::Open(path, place, offset));
    *number = shards_[shard].first + place;
    shard_ = shard;
    CASSLE_ASSIGN_OR_RETURN(const bool more, reader_->Next(payload));
    if (more) return true;
    return absl::DataLossError(absl::StrCat(path, ": record ", place, " is missing"));
  }
  while (shard_ < shards_.size()) {
    const Shard& shard = shards_[shard_];
    if (reader_ == nullptr) {
      CASSLE_ASSIGN_OR_RETURN(reader_, TfRecordReader::Open(shard.path));
    }
    *number = shard.first + reader_->num_records();
    CASSLE_ASSIGN_OR_RETURN(const bool more, reader_->Next(payload));
    if (more) return true;
    if (reader_->num_records() != shard.num_records) {
      return absl::DataLossError(absl::StrCat(shard.path, " holds ", reader_->num_records(),
                                              " records instead of ", shard.num_records));
    }
    reader_ = nullptr;
    ++shard_;
  }
  return false;
}

absl::Status RecordReader::CheckPlace(const v1::ViewRecord& record, int64_t number) const {
  if (!info_.has_value()) return absl::OkStatus();
  const int64_t views = info_->views();
  const int64_t per_epoch = views * info_->num_images();
  const uint64_t image =
      info_->first_image_id() + static_cast<uint64_t>(number % per_epoch / views);
  if (record.image_id() == image && record.epoch() == number / per_epoch &&
      record.view() == number % views) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat(
      shards_[shard_].path, ": record ", number, " is view ", record.view(), " of image ",
      record.image_id(), " in epoch ", record.epoch(), " instead of view ", number % views,
      " of image ", image, " in epoch ", number / per_epoch));
}

absl::StatusOr<bool> RecordReader::Next(v1::ViewRecord* record, int64_t* number) {
  std::string payload;
  CASSLE_ASSIGN_OR_RETURN(const bool more, NextPayload(&payload, number));
  if (!more) return false;
  if (!record->ParseFromString(payload)) {
    return absl::DataLossError(absl::StrCat(shards_.empty() ? path_ : shards_[shard_].path,
                                            ": record ", *number, " is not a ViewRecord"));
  }
  CASSLE_RETURN_IF_ERROR(CheckPlace(*record, *number));
  return true;
}

}  // namespace cassle
