// Dataset: random access to the images of one split of a data set folder, as shard-encoder wrote
// it:
//
//   dataset.textproto                     schema, classes, counts, mean and std (DatasetInfo)
//   train-00000-of-00002.tfrecord         ImageRecords (cassle/data/records/tfrecord.h)
//   train-00000-of-00002.tfrecord.index   offsets of the records
//   train.pixels                          hashes of the images (cassle/data/records/pixel_hashes.h)
//   test-00000-of-00001.tfrecord ...      further splits
//   stage.textproto                       says that the folder is complete
//
//   CASSLE_ASSIGN_OR_RETURN(auto images, Dataset::Open(folder, "train"));
//   v1::ImageRecord record;
//   RgbImage image;
//   CASSLE_RETURN_IF_ERROR(images->ReadImage(17, &record, &image));
#ifndef CASSLE_DATA_RECORDS_DATASET_H_
#define CASSLE_DATA_RECORDS_DATASET_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/base/file.h"
#include "cassle/data/images/image.h"
#include "cassle/data/records/dataset.pb.h"
#include "cassle/data/records/image_record.pb.h"

namespace cassle {

// Name of the description inside a data set folder.
inline constexpr char kDatasetInfoName[] = "dataset.textproto";

// What dataset.textproto says about one split. Holds nothing that grows with the images.
struct DatasetSplit {
  v1::DatasetInfo info;
  int number = 0;
  // ImageRecord.id of image 0.
  uint64_t first_id = 0;

  const v1::SplitInfo& split() const { return info.splits(number); }
};

// \error as Dataset::Open; shards are not looked into.
absl::StatusOr<DatasetSplit> ReadDatasetSplit(const std::string& folder, const std::string& split,
                                              absl::string_view flag = "split");

// Immutable and thread-safe. The shards are mapped, so memory is the page cache's.
class Dataset {
 public:
  // split: "train", "test", ...; "" is the first. flag: the option that named it; "" if none did.
  // \error kNotFound if the folder is missing or not a complete stage output; kInvalidArgument if
  // there is no such split (the message lists those there are); kDataLoss if files are damaged.
  static absl::StatusOr<std::shared_ptr<const Dataset>> Open(const std::string& folder,
                                                             const std::string& split = "",
                                                             absl::string_view flag = "split");

  const v1::DatasetInfo& info() const { return description_.info; }
  const v1::SplitInfo& split() const { return description_.split(); }
  const std::string& folder() const { return folder_; }
  // Number of images of the split.
  int64_t size() const { return split().num_images(); }
  // ImageRecord.id of image 0; image i has first_id() + i.
  uint64_t first_id() const { return description_.first_id; }

  // Image `index`, 0 .. size()-1, of the split. Both checksums are verified; O(1).
  // \error kDataLoss naming file, record and offset; kInvalidArgument for an index out of range.
  absl::Status Read(int64_t index, v1::ImageRecord* record) const;
  // Decodes the pixels (upright RGB) of an image that was read.
  absl::Status Decode(const v1::ImageRecord& record, RgbImage* image) const;
  // Read and Decode.
  absl::Status ReadImage(int64_t index, v1::ImageRecord* record, RgbImage* image) const;

 private:
  struct Shard {
    std::string path;
    // Index of its first record within the split.
    int64_t first = 0;
    std::shared_ptr<MappedFile> file;
    std::vector<uint64_t> offsets;
  };
  Dataset() = default;
  absl::Status OpenShards();

  std::string folder_;
  DatasetSplit description_;
  std::vector<Shard> shards_;
};

}  // namespace cassle

#endif  // CASSLE_DATA_RECORDS_DATASET_H_
