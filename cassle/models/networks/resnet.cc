#include "cassle/models/networks/resnet.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/max_pool2d.h>
#include <ATen/ops/mean.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/backbone_settings.h"
#include "cassle/models/networks/backbone_sizes.h"
#include "cassle/models/networks/drop_path.h"
#include "cassle/models/networks/layers.h"
#include "cassle/runtime/precision_scope.h"

namespace cassle {
namespace {

// The widest side that gets the CIFAR stem when none is chosen: the ImageNet stem leaves 2x2 pixels
// of 64.
constexpr int kCifarStemMaxSize = 64;

// A chain of modules named 0, 1, ...: torchvision's nn.Sequential.
template <typename T>
class Chain : public Module {
 public:
  void Append(std::shared_ptr<T> link) {
    links_.push_back(AddChild(std::to_string(links_.size()), std::move(link)));
  }
  at::Tensor forward(at::Tensor activations) {
    for (const std::shared_ptr<T>& link : links_) activations = link->forward(activations);
    return activations;
  }
  const std::vector<std::shared_ptr<T>>& links() const { return links_; }

 private:
  std::vector<std::shared_ptr<T>> links_;
};

// The projection of a shortcut whose shape changes: children "0" (1x1 convolution) and "1" (batch
// norm).
class Downsample : public Module {
 public:
  Downsample(int64_t in, int64_t out, int64_t stride)
      : conv_(AddChild("0", std::make_shared<Conv2d>(in, out, 1, stride, 0))),
        norm_(AddChild("1", std::make_shared<BatchNorm>(out))) {}
  at::Tensor forward(const at::Tensor& input) { return norm_->forward(conv_->forward(input)); }

 private:
  std::shared_ptr<Conv2d> conv_;
  std::shared_ptr<BatchNorm> norm_;
};

struct BlockShape {
  int64_t in;
  // Between the 1x1 convolutions of a bottleneck, else of both layers.
  int64_t width;
  int64_t out;
  int64_t stride;
  bool bottleneck;
  bool zero_init;
};

// y = ReLU(F(x) + shortcut(x)).
class Block : public Module {
 public:
  explicit Block(const BlockShape& shape) {
    if (shape.bottleneck) {
      AddLayer(shape.in, shape.width, 1, 1, 1);
      AddLayer(shape.width, shape.width, 3, shape.stride, 1);
      AddLayer(shape.width, shape.out, 1, 1, shape.zero_init ? 0 : 1);
    } else {
      AddLayer(shape.in, shape.width, 3, shape.stride, 1);
      AddLayer(shape.width, shape.out, 3, 1, shape.zero_init ? 0 : 1);
    }
    if (shape.stride != 1 || shape.in != shape.out) {
      downsample_ =
          AddChild("downsample", std::make_shared<Downsample>(shape.in, shape.out, shape.stride));
    }
  }

  at::Tensor forward(const at::Tensor& input) {
    const size_t last = convs_.size() - 1;
    at::Tensor residual = input;
    for (size_t i = 0; i < last; ++i) {
      residual = norms_[i]->ForwardRelu(convs_[i]->forward(residual));
    }
    residual = convs_[last]->forward(residual);
    const at::Tensor shortcut = downsample_ ? downsample_->forward(input) : input;
    if (!drop_.drops() || !is_training()) return norms_[last]->ForwardRelu(residual, shortcut);
    return (drop_.Apply(norms_[last]->forward(residual), /*training=*/true) + shortcut).relu();
  }
  void Drop(const DroppedBranch& drop) { drop_ = drop; }

 private:
  void AddLayer(int64_t in, int64_t out, int64_t kernel, int64_t stride, double initial_weight) {
    const std::string number = std::to_string(convs_.size() + 1);
    convs_.push_back(
        AddChild("conv" + number, std::make_shared<Conv2d>(in, out, kernel, stride, kernel / 2)));
    norms_.push_back(AddChild(
        "bn" + number,
        std::make_shared<BatchNorm>(out, BatchNorm::Options{.initial_weight = initial_weight})));
  }

  std::vector<std::shared_ptr<Conv2d>> convs_;
  std::vector<std::shared_ptr<BatchNorm>> norms_;
  std::shared_ptr<Downsample> downsample_;
  DroppedBranch drop_;
};

class ResNet : public Backbone, public HasResidualBranches {
 public:
  ResNet(const ResNetSize& size, int64_t channels_in, bool imagenet_stem,
         const int64_t (&widths)[4], bool zero_init)
      : imagenet_stem_(imagenet_stem) {
    conv1_ = AddChild("conv1", imagenet_stem
                                   ? std::make_shared<Conv2d>(channels_in, widths[0], 7, 2, 3)
                                   : std::make_shared<Conv2d>(channels_in, widths[0], 3, 1, 1));
    bn1_ = AddChild("bn1", std::make_shared<BatchNorm>(widths[0]));
    int64_t channels = widths[0];
    for (int stage = 0; stage < 4; ++stage) {
      auto blocks = std::make_shared<Chain<Block>>();
      const int64_t out = widths[stage] * (size.bottleneck ? kBottleneckExpansion : 1);
      for (int i = 0; i < size.blocks[stage]; ++i) {
        blocks->Append(std::make_shared<Block>(BlockShape{.in = channels,
                                                          .width = widths[stage] * size.inner,
                                                          .out = out,
                                                          .stride = (i == 0 && stage > 0) ? 2 : 1,
                                                          .bottleneck = size.bottleneck,
                                                          .zero_init = zero_init}));
        channels = out;
      }
      stages_.push_back(AddChild("layer" + std::to_string(stage + 1), blocks));
    }
    feature_size_ = channels;
  }

  std::vector<at::Tensor> ForwardStages(const at::Tensor& images) override {
    std::vector<at::Tensor> outputs;
    at::Tensor activations = bn1_->ForwardRelu(conv1_->forward(images));
    if (imagenet_stem_) activations = at::max_pool2d(activations, 3, 2, 1);
    outputs.push_back(activations);
    for (const std::shared_ptr<Chain<Block>>& stage : stages_) {
      activations = stage->forward(activations);
      outputs.push_back(activations);
    }
    outputs.push_back(at::mean(AtLeastFloat32(activations), {2, 3}));
    return outputs;
  }

  int64_t feature_size() const override { return feature_size_; }

  void Use(const std::shared_ptr<const DropPath>& drop_path) override {
    int64_t blocks = 0, block = 0;
    for (const auto& stage : stages_) blocks += static_cast<int64_t>(stage->links().size());
    for (const auto& stage : stages_) {
      for (const auto& of_stage : stage->links()) of_stage->Drop({drop_path, block++, blocks});
    }
  }

 private:
  bool imagenet_stem_;
  std::shared_ptr<Conv2d> conv1_;
  std::shared_ptr<BatchNorm> bn1_;
  std::vector<std::shared_ptr<Chain<Block>>> stages_;
  int64_t feature_size_ = 0;
};

}  // namespace

void ResolveResNet(int image_size, v1::BackboneConfig* config) {
  if (config->stem() == v1::STEM_UNSPECIFIED) {
    config->set_stem(image_size <= kCifarStemMaxSize ? v1::CIFAR : v1::IMAGENET);
  }
  if (config->width_factor() == 0) config->set_width_factor(1);
  // As the authors' backbones.
  if (!config->has_zero_init_residual()) config->set_zero_init_residual(true);
}

absl::StatusOr<std::shared_ptr<Backbone>> MakeResNet(const v1::BackboneConfig& config) {
  CASSLE_RETURN_IF_ERROR(RefuseOtherSettings(
      config, {"stem", "width_factor", "zero_init_residual", "extra_channels"}));
  const ResNetSize* size = FindResNet(config.architecture());
  if (size == nullptr) {
    return absl::InternalError(absl::StrCat(config.architecture(), " has no table of blocks"));
  }
  if (config.stem() != v1::IMAGENET && config.stem() != v1::CIFAR) {
    return absl::InvalidArgumentError("--backbone.stem: must be IMAGENET or CIFAR");
  }
  const double factor = config.width_factor() == 0 ? 1 : config.width_factor();
  int64_t widths[4];
  for (int stage = 0; stage < 4; ++stage) {
    widths[stage] = std::max<int64_t>(8, 8 * std::llround(factor * (64 << stage) / 8));
  }
  return std::shared_ptr<Backbone>(
      std::make_shared<ResNet>(*size, kImageChannels + config.extra_channels_size(),
                               config.stem() == v1::IMAGENET, widths, config.zero_init_residual()));
}

}  // namespace cassle
