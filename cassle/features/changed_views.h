// Pairs of views for measuring what an augmentation does to features: the image as evaluation sees
// it, and the same changed by one operation.
#ifndef CASSLE_FEATURES_CHANGED_VIEWS_H_
#define CASSLE_FEATURES_CHANGED_VIEWS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cassle/augment/operations/policy.pb.h"
#include "cassle/augment/views/descriptor.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/records/view_record.pb.h"

namespace cassle {

// One operation by itself, always applied, with the strength that it has in a policy.
struct SingleOperation {
  // Name of the policy's field: "crop", "color_jitter", ...
  std::string name;
  // The first view of the policy that has the operation, from 0.
  int view = 0;
  // Evaluation's crop and the operation; for "crop" the random resized crop alone.
  v1::Policy policy;
};

// All operations of the policy's views, in the order in which they are applied. Views have `size`
// pixels a side.
// \error kInvalidArgument if an operation is impossible at this size.
absl::StatusOr<std::vector<SingleOperation>> SingleOperations(const v1::Policy& policy, int size);

// Evaluation's view: the shorter side resized bicubically, the centre cut out.
v1::Policy UnchangedPolicy(const v1::Policy& policy, int size);

// Views of the images of a batch, image by image.
struct ViewSet {
  // [images, size, size, 3]
  std::vector<uint8_t> pixels;
  // [images, layout.size()]
  std::vector<float> descriptors;
  // [images], with what applying them measured.
  std::vector<v1::ViewRecord> records;
};

// Makes views of images. Thread-safe.
class ViewMaker {
 public:
  // The records of all views of one image, from its source's id and size: always equally many, of
  // `size` pixels a side.
  using MakeRecords = std::function<std::vector<v1::ViewRecord>(const v1::ImageRecord& image)>;

  ViewMaker(std::shared_ptr<const Dataset> images, DescriptorLayout layout, MakeRecords records)
      : images_(std::move(images)), layout_(std::move(layout)), records_(std::move(records)) {}

  // sets[v] holds view v of the images of these indices.
  // \error kDataLoss naming the image that is damaged.
  absl::StatusOr<std::vector<ViewSet>> Make(absl::Span<const int64_t> indices) const;

 private:
  const std::shared_ptr<const Dataset> images_;
  const DescriptorLayout layout_;
  const MakeRecords records_;
};

// `count` images of the split, all where there are fewer or count is 0, in random order: a pure
// function of the split and the seed; fewer are a prefix of more.
std::vector<int64_t> ChooseImages(const Dataset& images, int64_t count, uint64_t seed);

}  // namespace cassle

#endif  // CASSLE_FEATURES_CHANGED_VIEWS_H_
