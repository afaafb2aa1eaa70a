// A small backbone and random views for it: what the tests of methods share.
#ifndef CASSLE_SSL_TESTING_TINY_BACKBONE_H_
#define CASSLE_SSL_TESTING_TINY_BACKBONE_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "cassle/base/philox.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/networks/layers.h"
#include "cassle/runtime/precision_scope.h"
#include "cassle/ssl/method/method.h"

namespace cassle {

// The channels of the images and of what the two convolutions make of them.
struct TinySizes {
  int64_t images = 3;
  int64_t middle = 6;
  int64_t features = 12;
};

// Two strided convolutions with batch norm, then the mean over space: the backbone of the golden
// training steps, with the sizes of their file.
class TinyBackbone : public Backbone {
 public:
  explicit TinyBackbone(const TinySizes& sizes = {})
      : feature_size_(sizes.features),
        conv1_(AddChild("conv1", std::make_shared<Conv2d>(sizes.images, sizes.middle, 3, 2, 1))),
        bn1_(AddChild("bn1", std::make_shared<BatchNorm>(sizes.middle))),
        conv2_(AddChild("conv2", std::make_shared<Conv2d>(sizes.middle, sizes.features, 3, 2, 1))),
        bn2_(AddChild("bn2", std::make_shared<BatchNorm>(sizes.features))) {}

  std::vector<at::Tensor> ForwardStages(const at::Tensor& images) override {
    const at::Tensor middle = bn1_->forward(conv1_->forward(images)).relu();
    const at::Tensor last = bn2_->forward(conv2_->forward(middle)).relu();
    const at::Tensor wide = AtLeastFloat32(last);
    return {middle, last, wide.mean({2, 3})};
  }
  int64_t feature_size() const override { return feature_size_; }

 private:
  const int64_t feature_size_;
  std::shared_ptr<Conv2d> conv1_;
  std::shared_ptr<BatchNorm> bn1_;
  std::shared_ptr<Conv2d> conv2_;
  std::shared_ptr<BatchNorm> bn2_;
};

// Views of the contract tests.
inline constexpr int64_t kBatch = 8;
inline constexpr int64_t kDescriptor = 5;
inline constexpr int64_t kClasses = 4;
// All targets of AugSelf, 12 values.
inline constexpr int64_t kRelative = 12;
inline constexpr int64_t kRelativeFlip = 9;
inline std::vector<RelativeGroup> TinyRelativeGroups() {
  return {{"blur", 1}, {"color", 4}, {"crop", 4}, {"flip", 1}, {"rotation", 1}, {"solarize", 1}};
}

inline MethodSetup TinySetup(int64_t batch_size, int64_t descriptor_size, uint64_t seed = 1,
                             const v1::ConditioningConfig& conditioning = {},
                             TinySizes sizes = {}) {
  MethodSetup setup;
  setup.conditioning = conditioning;
  sizes.images += NumImageChannels(conditioning, descriptor_size);
  setup.make_backbone = [seed, sizes]() -> absl::StatusOr<std::shared_ptr<Backbone>> {
    auto backbone = std::make_shared<TinyBackbone>(sizes);
    backbone->Initialize(seed, "backbone.");
    return std::shared_ptr<Backbone>(backbone);
  };
  setup.batch_size = batch_size;
  setup.descriptor_size = descriptor_size;
  setup.num_classes = kClasses;
  setup.relative_groups = TinyRelativeGroups();
  setup.seed = seed;
  return setup;
}

inline at::Tensor RandomTensor(at::IntArrayRef sizes, uint64_t seed) {
  at::Tensor tensor = at::empty(sizes, at::kFloat);
  Philox random(StreamKey{seed});
  for (int64_t i = 0; i < tensor.numel(); ++i) {
    tensor.data_ptr<float>()[i] = static_cast<float>(random.NextGaussian());
  }
  return tensor;
}

// `views` views, from the third on small ones, and labels. Views are the image's colour with noise
// of their own: of unrelated views the contrastive losses are smallest when everything coincides.
inline Batch RandomBatch(uint64_t seed, int views = 2) {
  Batch batch;
  const at::Tensor colors = RandomTensor({kBatch, 3, 1, 1}, 10 * seed + 9);
  for (int view = 0; view < views; ++view) {
    const int64_t side = view < 2 ? 12 : 8;
    const at::Tensor noise = RandomTensor({kBatch, 3, side, side}, 10 * seed + view);
    batch.views.push_back({(colors + noise).contiguous(at::MemoryFormat::ChannelsLast),
                           RandomTensor({kBatch, kDescriptor}, 1000 + 10 * seed + view)});
    if (view >= 2) continue;
    at::Tensor relative = RandomTensor({kBatch, kRelative}, 2000 + 10 * seed + view);
    // Flips agree or not; turns are 0 or 1.
    at::Tensor classes = relative.narrow(1, kRelativeFlip, 2);
    classes.copy_(classes.gt(0));
    batch.views.back().relative = relative;
  }
  batch.labels = at::empty({kBatch}, at::kLong);
  for (int64_t i = 0; i < kBatch; ++i) {
    batch.labels.data_ptr<int64_t>()[i] = static_cast<int64_t>((i + seed) % kClasses);
  }
  return batch;
}

}  // namespace cassle

#endif  // CASSLE_SSL_TESTING_TINY_BACKBONE_H_
