// ViewLoader: batches of views with their descriptors, prefetched by threads.
//
// Three ways of feeding, with identical bytes:
//   on the fly            images, no views_dir: parameters are drawn, views are made
//   recorded parameters   images and a views_dir: parameters are read, views are made
//   recorded pixels       a views_dir that stores pixels: nothing is made (JPEG pixels are lossy,
//                         so only raw and PNG are identical to the other ways)
//
// The images of an epoch come in the order of a permutation keyed by (seed, epoch); the last
// incomplete batch of an epoch is dropped. Every batch is a pure function of the options and of
// (epoch, batch): threads and starting point change nothing.
#ifndef CASSLE_AUGMENT_LOADING_VIEW_LOADER_H_
#define CASSLE_AUGMENT_LOADING_VIEW_LOADER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/augment/operations/policy.pb.h"
#include "cassle/augment/operations/time_account.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/records/view_record.pb.h"

namespace cassle {

struct ViewBatch {
  int64_t epoch = 0;
  int64_t batch_in_epoch = 0;
  // B: images in here, with ViewLoaderOptions.rows fewer than the batch has.
  int batch_size = 0;
  // Per view: its side in pixels (views of a multi-crop policy differ).
  std::vector<int> sizes;
  // Per view: [B, size, size, 3] RGB8.
  std::vector<std::vector<uint8_t>> pixels;
  // Per view: [B, D]; empty vectors when no groups were asked for.
  std::vector<std::vector<float>> descriptors;
  // [B, R] each: view 1 relative to view 2, and view 2 relative to view 1; none when no relative
  // groups were asked for.
  std::vector<std::vector<float>> relative;
  // [B]
  std::vector<uint64_t> image_ids;
  // [B], classes of ViewLoaderOptions.target; -1: none.
  std::vector<int64_t> labels;
  // [B * views], all views of an image together: how they were made, without pixels. Only with
  // keep_records.
  std::vector<v1::ViewRecord> records;
};

struct ViewLoaderOptions {
  // May be null when views_dir stores pixels.
  std::shared_ptr<const Dataset> images;
  // Indices of the images that an epoch consists of, distinct. Empty: all. Not with views_dir.
  std::vector<int64_t> subset;
  // Output folder of augment-and-record. Empty: views are drawn on the fly.
  std::string views_dir;
  // Needed on the fly. With views_dir: must be the recorded one, or be left empty (size 0).
  v1::Policy policy;
  // Descriptor groups (cassle/augment/views/descriptor.h), in any order.
  std::vector<std::string> groups;
  // Groups of the relative descriptors of the first two views, in any order.
  std::vector<std::string> relative_groups;
  // Whose classes ViewBatch.labels are (cassle/data/records/class_target.h). Empty: the label.
  // Another needs `images`, also beside recorded pixels.
  std::string target;
  // Number of views; of a policy that fixes more, the first ones.
  int views = 2;
  // Of the draws and of the shuffle.
  uint64_t seed = 0;
  int64_t batch_size = 256;
  // Positions in a batch, ascending, of the images that are made of it: a rank's own ones. Empty:
  // all. What is made of an image is the same whoever makes it.
  std::vector<int64_t> rows;
  // Where to begin: batch `first_batch` (from 0) of epoch `first_epoch` (from 0).
  int64_t first_epoch = 0;
  int64_t first_batch = 0;
  // The run ends after epoch num_epochs - 1, wherever it began.
  int64_t num_epochs = 1;
  // Worker threads, at least 1. Memory: threads + 2 batches.
  int threads = 1;
  // Batches have the records of their views too.
  bool keep_records = false;
  // Decoded images are kept up to this many bytes. 0: decode every time.
  int64_t cache_bytes = int64_t{512} << 20;
};

// One consumer thread.
class ViewLoader {
 public:
  // Starts the threads.
  // \error kInvalidArgument for options that make no sense (a batch larger than the data set, an
  // unknown group, relative groups with one view, a bad policy, more epochs than recorded, a
  // target without images);
  // kNotFound or kDataLoss if views_dir is missing or damaged; kFailedPrecondition, naming both
  // sides, if the recorded views belong to another data set, seed or policy, or (compat OFFICIAL)
  // to another batch size.
  static absl::StatusOr<std::unique_ptr<ViewLoader>> Create(ViewLoaderOptions options);
  virtual ~ViewLoader() = default;

  // The next batch; null after the last. Waits only if the threads are behind. After an error
  // every further call returns it again.
  virtual absl::StatusOr<std::shared_ptr<const ViewBatch>> Next() = 0;

  virtual int64_t batches_per_epoch() const = 0;
  // D: values per descriptor.
  virtual int descriptor_size() const = 0;
  // The policy of the views (read from views_dir where that is used).
  virtual const v1::Policy& policy() const = 0;
  // Where the time went so far: what the workers did, how long they waited for room in the queue
  // (they are ahead), and how long Next() waited for them (they are behind).
  virtual TimeAccount time_account() const = 0;
};

}  // namespace cassle

#endif  // CASSLE_AUGMENT_LOADING_VIEW_LOADER_H_
