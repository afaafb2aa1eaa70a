#include "cassle/models/networks/vit.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <c10/util/Exception.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/models/networks/vit_block.h"
#include "cassle/models/networks/vit_positions.h"

namespace cassle {
namespace {

// A convolution whose stride is its kernel, with bias.
class PatchProjection : public Module {
 public:
  PatchProjection(int64_t channels, int64_t patch_size, int64_t width, bool frozen)
      : patch_size_(patch_size) {
    const InitialValues initial = XavierUniform(channels * patch_size * patch_size, width);
    const std::vector<int64_t> sizes = {width, channels, patch_size, patch_size};
    weight_ = frozen ? AddFrozen("weight", sizes, initial) : AddParameter("weight", sizes, initial);
    bias_ = frozen ? AddFrozen("bias", {width}, Constant(0))
                   : AddParameter("bias", {width}, Constant(0));
  }
  at::Tensor forward(const at::Tensor& images) {
    return at::conv2d(images, weight_, bias_, patch_size_);
  }

 private:
  int64_t patch_size_;
  at::Tensor weight_;
  at::Tensor bias_;
};

}  // namespace

// [B, channels, S, S] -> [B, (S / patch_size)^2, width], row by row
class PatchEmbedding : public Module {
 public:
  PatchEmbedding(int64_t channels, int64_t patch_size, int64_t width, bool frozen)
      : proj_(AddChild("proj",
                       std::make_shared<PatchProjection>(channels, patch_size, width, frozen))) {}
  at::Tensor forward(const at::Tensor& images) {
    return proj_->forward(images).flatten(2).transpose(1, 2);
  }

 private:
  std::shared_ptr<PatchProjection> proj_;
};

VisionTransformer::VisionTransformer(const Options& options) : options_(options) {
  const int64_t grid = options.image_size / options.patch_size;
  cls_token_ = AddParameter("cls_token", {1, 1, options.width}, Normal(1e-6));
  if (options.registers > 0) {
    reg_token_ = AddParameter("reg_token", {1, options.registers, options.width}, Normal(1e-6));
  }
  pos_embed_ = options.learned_positions
                   ? AddParameter("pos_embed", {1, 1 + grid * grid, options.width}, Normal(0.02))
                   : AddFrozen("pos_embed", SinCosPositions(grid, options.width));
  patch_embed_ = AddChild("patch_embed", std::make_shared<PatchEmbedding>(
                                             options.channels, options.patch_size, options.width,
                                             options.frozen_patch_embedding));
  for (int64_t i = 0; i < options.depth; ++i) {
    blocks_.push_back(
        AddChild(absl::StrCat("blocks.", i),
                 std::make_shared<VitBlock>(VitBlock::Options{.width = options.width,
                                                              .heads = options.heads,
                                                              .norm_eps = options.norm_eps,
                                                              .layer_scale = options.layer_scale,
                                                              .swiglu = options.swiglu})));
  }
  norm_ = AddChild("norm", std::make_shared<LayerNorm>(options.width, options.norm_eps));
}

void VisionTransformer::Use(const std::shared_ptr<const DropPath>& drop_path) {
  for (int64_t i = 0; i < options_.depth; ++i) {
    blocks_[i]->Drop({drop_path, i, options_.depth, 0}, {drop_path, i, options_.depth, 1});
  }
}

at::Tensor VisionTransformer::PositionsFor(int64_t grid) const {
  const int64_t own = options_.image_size / options_.patch_size;
  if (grid == own) return pos_embed_;
  if (!options_.learned_positions) {
    return SinCosPositions(grid, options_.width).to(pos_embed_.options());
  }
  return ResizedPositions(pos_embed_, grid, options_.position_resize);
}

at::Tensor VisionTransformer::Embed(const at::Tensor& images) {
  TORCH_CHECK(images.dim() == 4 && images.size(2) == images.size(3) &&
                  images.size(2) % options_.patch_size == 0 && images.size(2) > 0,
              "a vision transformer with patches of ", options_.patch_size,
              " px needs square images whose side is a multiple of that, got ", images.sizes());
  const at::Tensor patches = patch_embed_->forward(images);
  const auto repeated = [&](const at::Tensor& token, at::ScalarType type) {
    return token.expand({images.size(0), -1, -1}).to(type);
  };
  at::Tensor tokens = at::cat({repeated(cls_token_, patches.scalar_type()), patches}, 1) +
                      PositionsFor(images.size(2) / options_.patch_size);
  // They stand nowhere in the image.
  if (reg_token_.defined()) {
    tokens = at::cat({tokens.narrow(1, 0, 1), repeated(reg_token_, tokens.scalar_type()),
                      tokens.narrow(1, 1, patches.size(1))},
                     1);
  }
  return tokens;
}

std::vector<at::Tensor> VisionTransformer::ForwardTokens(const at::Tensor& images) {
  std::vector<at::Tensor> outputs = {Embed(images)};
  for (const std::shared_ptr<VitBlock>& block : blocks_) {
    outputs.push_back(block->forward(outputs.back()));
  }
  return outputs;
}

std::vector<at::Tensor> VisionTransformer::ForwardStages(const at::Tensor& images) {
  const std::vector<at::Tensor> tokens = ForwardTokens(images);
  const int64_t grid = images.size(2) / options_.patch_size;
  std::vector<at::Tensor> stages;
  for (int64_t quarter = 0; quarter <= 4; ++quarter) {
    const at::Tensor& after = tokens[quarter * options_.depth / 4];
    const at::Tensor patches = after.narrow(1, 1 + options_.registers, grid * grid);
    stages.push_back(patches.transpose(1, 2).unflatten(2, {grid, grid}));
  }
  stages.push_back(norm_->forward(tokens.back().select(1, 0)).to(pos_embed_.scalar_type()));
  return stages;
}

// Without the outputs on the way, which of many images would fill the memory.
at::Tensor VisionTransformer::forward(const at::Tensor& images) {
  at::Tensor tokens = Embed(images);
  for (const std::shared_ptr<VitBlock>& block : blocks_) tokens = block->forward(tokens);
  return norm_->forward(tokens.select(1, 0)).to(pos_embed_.scalar_type());
}

std::vector<at::Tensor> VisionTransformer::ForwardLayers(const at::Tensor& images, int64_t first,
                                                         int64_t last) {
  std::vector<at::Tensor> layers;
  at::Tensor tokens = Embed(images);
  for (int64_t layer = 1; layer <= last; ++layer) {
    tokens = blocks_[layer - 1]->forward(tokens);
    if (layer >= first) layers.push_back(norm_->forward(tokens).to(pos_embed_.scalar_type()));
  }
  return layers;
}

}  // namespace cassle
