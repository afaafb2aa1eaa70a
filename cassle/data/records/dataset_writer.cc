#include "cassle/data/records/dataset_writer.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/records/pixel_hashes.h"

namespace cassle {

DatasetWriter::DatasetWriter(std::string folder, std::vector<std::string> splits,
                             int64_t max_shard_bytes)
    : folder_(std::move(folder)),
      names_(std::move(splits)),
      max_shard_bytes_(max_shard_bytes),
      spools_(names_.size()),
      pixels_(names_.size()) {
  split_.set_name(names_[0]);
}

std::string DatasetWriter::SpoolPath(int split) const {
  return JoinPath(folder_, absl::StrCat(names_[split], ".spool"));
}

std::string DatasetWriter::UnnumberedPath(int shard) const {
  return JoinPath(folder_, absl::StrCat(names_[current_], "-", shard, ".unnumbered"));
}

absl::Status DatasetWriter::WriteHash(int split, const PixelHash& hash) {
  std::unique_ptr<FileWriter>& file = pixels_[split];
  if (file == nullptr) {
    CASSLE_ASSIGN_OR_RETURN(file,
                            FileWriter::Open(JoinPath(folder_, PixelHashFile(names_[split]))));
  }
  return file->Append(absl::string_view(reinterpret_cast<const char*>(hash.data()), hash.size()));
}

absl::Status DatasetWriter::Append(int split, v1::ImageRecord* record,
                                   const std::optional<PixelHash>& pixels) {
  if (split < current_) {
    return absl::InternalError(absl::StrCat("split '", names_[split], "' is closed already"));
  }
  // Spooled or not, the images of a split keep their order.
  if (pixels.has_value()) CASSLE_RETURN_IF_ERROR(WriteHash(split, *pixels));
  if (split == current_) return WriteRecord(record);
  std::unique_ptr<TfRecordWriter>& spool = spools_[split];
  if (spool == nullptr) {
    CASSLE_ASSIGN_OR_RETURN(spool, TfRecordWriter::Open(SpoolPath(split)));
  }
  record->SerializeToString(&payload_);
  return spool->Append(payload_);
}

absl::Status DatasetWriter::WriteRecord(v1::ImageRecord* record) {
  if (shard_ == nullptr) {
    const std::string path = UnnumberedPath(split_.shards_size());
    CASSLE_ASSIGN_OR_RETURN(shard_, TfRecordWriter::Open(path));
  }
  record->set_id(next_id_++);
  split_.set_num_images(split_.num_images() + 1);
  if (record->has_label()) {
    const int64_t label = record->label();
    while (split_.class_counts_size() <= label) split_.add_class_counts(0);
    split_.set_class_counts(static_cast<int>(label),
                            split_.class_counts(static_cast<int>(label)) + 1);
  } else {
    split_.set_num_unlabeled(split_.num_unlabeled() + 1);
  }
  record->SerializeToString(&payload_);
  CASSLE_RETURN_IF_ERROR(shard_->Append(payload_));
  return shard_->size_bytes() >= max_shard_bytes_ ? CloseShard() : absl::OkStatus();
}

absl::Status DatasetWriter::CloseShard() {
  if (shard_ == nullptr) return absl::OkStatus();
  CASSLE_RETURN_IF_ERROR(shard_->Close());
  CASSLE_RETURN_IF_ERROR(WriteRecordIndex(UnnumberedPath(split_.shards_size()), shard_->offsets()));
  v1::ShardInfo* info = split_.add_shards();
  info->set_num_records(shard_->num_records());
  info->set_size_bytes(shard_->size_bytes());
  shard_.reset();
  return absl::OkStatus();
}

absl::Status DatasetWriter::CloseSplit() {
  CASSLE_RETURN_IF_ERROR(CloseShard());
  if (pixels_[current_] != nullptr) CASSLE_RETURN_IF_ERROR(pixels_[current_]->Close());
  for (int i = 0; i < split_.shards_size(); ++i) {
    const std::string file = ShardFileName(split_.name(), i, split_.shards_size());
    const std::string path = JoinPath(folder_, file);
    CASSLE_RETURN_IF_ERROR(Rename(UnnumberedPath(i), path));
    CASSLE_RETURN_IF_ERROR(Rename(UnnumberedPath(i) + ".index", path + ".index"));
    split_.mutable_shards(i)->set_file(file);
  }
  if (split_.num_images() > 0) finished_.push_back(split_);
  split_.Clear();
  return absl::OkStatus();
}

absl::Status DatasetWriter::DrainSpool() {
  if (spools_[current_] == nullptr) return absl::OkStatus();
  CASSLE_RETURN_IF_ERROR(spools_[current_]->Close());
  spools_[current_].reset();
  const std::string path = SpoolPath(current_);
  CASSLE_ASSIGN_OR_RETURN(auto reader, TfRecordReader::Open(path));
  std::string payload;
  v1::ImageRecord record;
  while (true) {
    CASSLE_ASSIGN_OR_RETURN(const bool more, reader->Next(&payload));
    if (!more) break;
    if (!record.ParseFromString(payload)) {
      return absl::InternalError(absl::StrCat(path, ": not an ImageRecord"));
    }
    CASSLE_RETURN_IF_ERROR(WriteRecord(&record));
  }
  return RemoveAll(path);
}

absl::Status DatasetWriter::AdvanceTo(int split) {
  while (current_ < split) {
    CASSLE_RETURN_IF_ERROR(CloseSplit());
    ++current_;
    split_.set_name(names_[current_]);
    CASSLE_RETURN_IF_ERROR(DrainSpool());
  }
  return absl::OkStatus();
}

absl::Status DatasetWriter::Finish(v1::DatasetInfo* info) {
  CASSLE_RETURN_IF_ERROR(AdvanceTo(static_cast<int>(names_.size()) - 1));
  CASSLE_RETURN_IF_ERROR(CloseSplit());
  info->clear_splits();
  for (v1::SplitInfo& split : finished_) {
    while (split.class_counts_size() < info->classes_size()) split.add_class_counts(0);
    *info->add_splits() = split;
  }
  return WriteFile(JoinPath(folder_, kDatasetInfoName), PrintTextProto(*info));
}

}  // namespace cassle
