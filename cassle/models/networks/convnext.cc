#include "cassle/models/networks/convnext.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/mean.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/backbone_settings.h"
#include "cassle/models/networks/backbone_sizes.h"
#include "cassle/models/networks/drop_path.h"
#include "cassle/models/networks/layers.h"

namespace cassle {
namespace {

constexpr double kNormEps = 1e-6;
constexpr double kInitialStd = 0.02;
constexpr double kUsualLayerScale = 1e-6;
constexpr int64_t kDepthwiseKernel = 7;

// With bias; as many groups as `in` / `group`. Names: weight [out, group, kernel, kernel], bias.
class BiasedConv : public Module {
 public:
  BiasedConv(int64_t in, int64_t out, int64_t kernel, int64_t stride, int64_t group)
      : weight_(AddParameter("weight", {out, group, kernel, kernel}, Normal(kInitialStd))),
        bias_(AddParameter("bias", {out}, Constant(0))),
        stride_(stride),
        padding_(stride == 1 ? kernel / 2 : 0),
        groups_(in / group) {}
  at::Tensor forward(const at::Tensor& input) {
    return at::conv2d(input, weight_, bias_, stride_, padding_, /*dilation=*/1, groups_);
  }

 private:
  at::Tensor weight_;
  at::Tensor bias_;
  int64_t stride_;
  int64_t padding_;
  int64_t groups_;
};

// Over the channels of every pixel.  [B, C, H, W] -> [B, C, H, W]
at::Tensor NormPixels(LayerNorm* norm, const at::Tensor& map) {
  return norm->forward(map.permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
}

class PixelMlp : public Module {
 public:
  explicit PixelMlp(int64_t width)
      : fc1_(
            AddChild("fc1", std::make_shared<Linear>(width, MlpWidth(width), Normal(kInitialStd)))),
        fc2_(AddChild("fc2",
                      std::make_shared<Linear>(MlpWidth(width), width, Normal(kInitialStd)))) {}
  at::Tensor forward(const at::Tensor& input) {
    return fc2_->forward(at::gelu(fc1_->forward(input)));
  }

 private:
  std::shared_ptr<Linear> fc1_;
  std::shared_ptr<Linear> fc2_;
};

class ConvNextBlock : public Module {
 public:
  ConvNextBlock(int64_t width, double layer_scale)
      : gamma_(AddParameter("gamma", {width}, Constant(layer_scale))),
        conv_dw_(AddChild("conv_dw",
                          std::make_shared<BiasedConv>(width, width, kDepthwiseKernel, 1, 1))),
        norm_(AddChild("norm", std::make_shared<LayerNorm>(width, kNormEps))),
        mlp_(AddChild("mlp", std::make_shared<PixelMlp>(width))) {}
  at::Tensor forward(const at::Tensor& input) {
    const at::Tensor pixels = conv_dw_->forward(input).permute({0, 2, 3, 1});
    const at::Tensor branch = mlp_->forward(norm_->forward(pixels)) * gamma_;
    return input + drop_.Apply(branch, is_training()).permute({0, 3, 1, 2});
  }
  void Drop(const DroppedBranch& drop) { drop_ = drop; }

 private:
  at::Tensor gamma_;
  std::shared_ptr<BiasedConv> conv_dw_;
  std::shared_ptr<LayerNorm> norm_;
  std::shared_ptr<PixelMlp> mlp_;
  DroppedBranch drop_;
};

// A norm and a 2x2 convolution that halves the sides: children "0" and "1".
class Halving : public Module {
 public:
  Halving(int64_t in, int64_t out)
      : norm_(AddChild("0", std::make_shared<LayerNorm>(in, kNormEps))),
        conv_(AddChild("1", std::make_shared<BiasedConv>(in, out, 2, 2, in))) {}
  at::Tensor forward(const at::Tensor& input) {
    return conv_->forward(NormPixels(norm_.get(), input));
  }

 private:
  std::shared_ptr<LayerNorm> norm_;
  std::shared_ptr<BiasedConv> conv_;
};

class ConvNext : public Backbone, public HasResidualBranches {
 public:
  ConvNext(const ConvNextSize& size, int64_t channels_in, const std::vector<int64_t>& widths,
           double layer_scale)
      : widths_(widths) {
    stem_ =
        AddChild("stem.0", std::make_shared<BiasedConv>(channels_in, widths[0], 4, 4, channels_in));
    stem_norm_ = AddChild("stem.1", std::make_shared<LayerNorm>(widths[0], kNormEps));
    for (int i = 0; i < 4; ++i) {
      Stage stage;
      const std::string name = absl::StrCat("stages.", i);
      if (i > 0) {
        stage.halving = AddChild(absl::StrCat(name, ".downsample"),
                                 std::make_shared<Halving>(widths[i - 1], widths[i]));
      }
      for (int block = 0; block < size.blocks[i]; ++block) {
        stage.blocks.push_back(AddChild(absl::StrCat(name, ".blocks.", block),
                                        std::make_shared<ConvNextBlock>(widths[i], layer_scale)));
      }
      stages_.push_back(std::move(stage));
    }
    norm_ = AddChild("head.norm", std::make_shared<LayerNorm>(widths[3], kNormEps));
  }

  std::vector<at::Tensor> ForwardStages(const at::Tensor& images) override {
    TORCH_CHECK(
        images.dim() == 4 && std::min(images.size(2), images.size(3)) >= kConvNextMinImageSize,
        "a ConvNeXt needs images of at least ", kConvNextMinImageSize, " px, got ", images.sizes());
    std::vector<at::Tensor> outputs = {NormPixels(stem_norm_.get(), stem_->forward(images))};
    for (const Stage& stage : stages_) {
      at::Tensor activations = outputs.back();
      if (stage.halving != nullptr) activations = stage.halving->forward(activations);
      for (const auto& block : stage.blocks) activations = block->forward(activations);
      outputs.push_back(activations);
    }
    const at::Tensor pooled = at::mean(outputs.back().to(weight_type()), {2, 3});
    outputs.push_back(norm_->forward(pooled).to(weight_type()));
    return outputs;
  }

  int64_t feature_size() const override { return widths_.back(); }

  void Use(const std::shared_ptr<const DropPath>& drop_path) override {
    int64_t blocks = 0, block = 0;
    for (const Stage& stage : stages_) blocks += static_cast<int64_t>(stage.blocks.size());
    for (const Stage& stage : stages_) {
      for (const auto& of_stage : stage.blocks) of_stage->Drop({drop_path, block++, blocks});
    }
  }

 private:
  struct Stage {
    // Null in the first.
    std::shared_ptr<Halving> halving;
    std::vector<std::shared_ptr<ConvNextBlock>> blocks;
  };
  // That of the weights: at least float32, also under autocast.
  at::ScalarType weight_type() const { return norm_->parameters()[0].scalar_type(); }

  const std::vector<int64_t> widths_;
  std::shared_ptr<BiasedConv> stem_;
  std::shared_ptr<LayerNorm> stem_norm_;
  std::vector<Stage> stages_;
  std::shared_ptr<LayerNorm> norm_;
};

}  // namespace

void ResolveConvNext(int, v1::BackboneConfig* config) {
  if (config->width_factor() == 0) config->set_width_factor(1);
  if (config->layer_scale() == 0) config->set_layer_scale(kUsualLayerScale);
}

absl::StatusOr<std::shared_ptr<Backbone>> MakeConvNext(const v1::BackboneConfig& given) {
  CASSLE_RETURN_IF_ERROR(
      RefuseOtherSettings(given, {"width_factor", "layer_scale", "extra_channels"}));
  v1::BackboneConfig config = given;
  ResolveConvNext(0, &config);
  const ConvNextSize* size = FindConvNext(config.architecture());
  if (size == nullptr) {
    return absl::InternalError(absl::StrCat(config.architecture(), " has no width"));
  }
  std::vector<int64_t> widths;
  for (int stage = 0; stage < 4; ++stage) {
    widths.push_back(ConvNextWidth(*size, stage, config.width_factor()));
  }
  return std::shared_ptr<Backbone>(std::make_shared<ConvNext>(
      *size, kImageChannels + config.extra_channels_size(), widths, config.layer_scale()));
}

}  // namespace cassle
