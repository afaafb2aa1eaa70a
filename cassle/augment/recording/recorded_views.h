// RecordedViews: random access to a folder of recorded views, as augment-and-record writes it:
//
//   views.textproto                       policy, seed, epochs, views, counts (v1::ViewsInfo)
//   views-00000-of-00002.tfrecord         ViewRecords in the order of (epoch, image, view)
//   views-00000-of-00002.tfrecord.index   offsets of the records
//   stage.textproto                       says that the folder is complete
//
// Any record is found by arithmetic and one look into an index. The indices are held in memory, 8
// bytes a record; of the records nothing is loaded beforehand.
#ifndef CASSLE_AUGMENT_RECORDING_RECORDED_VIEWS_H_
#define CASSLE_AUGMENT_RECORDING_RECORDED_VIEWS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/augment/recording/views.pb.h"
#include "cassle/base/file.h"
#include "cassle/data/images/image.h"
#include "cassle/data/records/view_record.pb.h"

namespace cassle {

// Name of the description inside a folder of recorded views, and of its shards.
inline constexpr char kViewsInfoName[] = "views.textproto";
inline constexpr char kViewShardName[] = "views";

// What the folder of recorded views says about itself; also that of a part (info.part is set).
// \error kNotFound if the folder is missing or not a complete stage output; kFailedPrecondition if
// it is that of another stage; kDataLoss, naming the file, if what it says cannot be true.
absl::StatusOr<v1::ViewsInfo> ReadViewsInfo(const std::string& folder);

// Immutable and thread-safe. The shards are mapped.
class RecordedViews {
 public:
  // \error as ReadViewsInfo; kDataLoss, naming the file, if a shard is damaged, and of a part.
  static absl::StatusOr<std::shared_ptr<const RecordedViews>> Open(const std::string& folder);

  const v1::ViewsInfo& info() const { return info_; }
  const std::string& folder() const { return folder_; }

  // View `view` of image `image` (counted from 0 within the split) in `epoch`. Checksums are
  // verified, and the record must be the one asked for.
  // \error kDataLoss naming file and record; kInvalidArgument out of range.
  absl::Status Read(int64_t epoch, int64_t image, int view, v1::ViewRecord* record) const;

 private:
  struct Shard {
    std::string path;
    std::shared_ptr<MappedFile> file;
    std::vector<uint64_t> offsets;
  };
  RecordedViews() = default;
  absl::Status OpenShards();

  std::string folder_;
  v1::ViewsInfo info_;
  std::vector<Shard> shards_;
};

// The pixels of a record that has them.
// \error kDataLoss if they are missing or damaged.
absl::Status DecodeViewPixels(const v1::ViewRecord& record, RgbImage* view);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_RECORDING_RECORDED_VIEWS_H_
