#include "cassle/models/networks/vit.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/conv2d.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/upsample_bicubic2d.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/backbone_settings.h"
#include "cassle/runtime/torch_version.h"

namespace cassle {
namespace {

struct Architecture {
  const char* name;
  int64_t width;
  int64_t heads;
};

// A width is one line here and one in the table of backbone.cc.
constexpr Architecture kArchitectures[] = {
    {"vit_tiny", 192, 3},
    {"vit_small", 384, 12},
    {"vit_base", 768, 12},
};

constexpr int kDefaultPatchSize = 16;
constexpr int kDefaultImageSize = 224;
// Up to this side patches of 16 px would leave a handful of tokens.
constexpr int kSmallImageMaxSize = 64;
constexpr int kSmallPatchSize = 4;

InitialValues XavierUniform(int64_t in, int64_t out) {
  return Uniform(std::sqrt(6.0 / static_cast<double>(in + out)));
}

// softmax(q k^T / sqrt(head_size)) v.  [B, heads, N, head_size] each
at::Tensor Attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  if (HasFusedAttention(query)) return FusedAttention(query, key, value);
  const double scale = 1.0 / std::sqrt(static_cast<double>(query.size(3)));
  const at::Tensor scores = at::matmul(query, key.transpose(-2, -1)) * scale;
  return at::matmul(at::softmax(scores, -1), value);
}

// Multi-head self-attention.  [B, N, width] -> [B, N, width]
class Attention : public Module {
 public:
  Attention(int64_t width, int64_t heads)
      : heads_(heads),
        // Query, key and value are three matrices of width x width.
        qkv_(AddChild("qkv",
                      std::make_shared<Linear>(width, 3 * width, XavierUniform(width, width)))),
        proj_(AddChild("proj",
                       std::make_shared<Linear>(width, width, XavierUniform(width, width)))) {}

  at::Tensor forward(const at::Tensor& input) {
    const int64_t batch = input.size(0), tokens = input.size(1), width = input.size(2);
    const int64_t head_size = width / heads_;
    // [3, B, heads, N, head_size]
    const at::Tensor qkv =
        qkv_->forward(input).view({batch, tokens, 3, heads_, head_size}).permute({2, 0, 3, 1, 4});
    const at::Tensor mixed = Attend(qkv[0], qkv[1], qkv[2]);  // [B, heads, N, head_size]
    return proj_->forward(mixed.transpose(1, 2).reshape({batch, tokens, width}));
  }

 private:
  int64_t heads_;
  std::shared_ptr<Linear> qkv_;
  std::shared_ptr<Linear> proj_;
};

class VitMlp : public Module {
 public:
  explicit VitMlp(int64_t width)
      : fc1_(AddChild("fc1",
                      std::make_shared<Linear>(width, 4 * width, XavierUniform(width, 4 * width)))),
        fc2_(AddChild(
            "fc2", std::make_shared<Linear>(4 * width, width, XavierUniform(4 * width, width)))) {}
  at::Tensor forward(const at::Tensor& input) {
    return fc2_->forward(at::gelu(fc1_->forward(input)));
  }

 private:
  std::shared_ptr<Linear> fc1_;
  std::shared_ptr<Linear> fc2_;
};

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

class VitBlock : public Module {
 public:
  VitBlock(int64_t width, int64_t heads, double norm_eps)
      : norm1_(AddChild("norm1", std::make_shared<LayerNorm>(width, norm_eps))),
        attn_(AddChild("attn", std::make_shared<Attention>(width, heads))),
        norm2_(AddChild("norm2", std::make_shared<LayerNorm>(width, norm_eps))),
        mlp_(AddChild("mlp", std::make_shared<VitMlp>(width))) {}
  at::Tensor forward(const at::Tensor& tokens) {
    const at::Tensor attended = tokens + attn_->forward(norm1_->forward(tokens));
    return attended + mlp_->forward(norm2_->forward(attended));
  }

 private:
  std::shared_ptr<LayerNorm> norm1_;
  std::shared_ptr<Attention> attn_;
  std::shared_ptr<LayerNorm> norm2_;
  std::shared_ptr<VitMlp> mlp_;
};

at::Tensor SinCosPositions(int64_t grid, int64_t width) {
  TORCH_CHECK(width % 4 == 0, "positions need a width that is a multiple of 4, got ", width);
  const int64_t quarter = width / 4;
  at::Tensor table = at::zeros({1, 1 + grid * grid, width}, at::kFloat);
  float* row = table.data_ptr<float>() + width;
  for (int64_t patch = 0; patch < grid * grid; ++patch, row += width) {
    for (int64_t i = 0; i < quarter; ++i) {
      const double frequency = std::pow(10000.0, -static_cast<double>(i) / quarter);
      const double y = static_cast<double>(patch / grid) * frequency;
      const double x = static_cast<double>(patch % grid) * frequency;
      row[i] = static_cast<float>(std::sin(y));
      row[quarter + i] = static_cast<float>(std::cos(y));
      row[2 * quarter + i] = static_cast<float>(std::sin(x));
      row[3 * quarter + i] = static_cast<float>(std::cos(x));
    }
  }
  return table;
}

VisionTransformer::VisionTransformer(const Options& options) : options_(options) {
  const int64_t grid = options.image_size / options.patch_size;
  cls_token_ = AddParameter("cls_token", {1, 1, options.width}, Normal(1e-6));
  pos_embed_ = options.learned_positions
                   ? AddParameter("pos_embed", {1, 1 + grid * grid, options.width}, Normal(0.02))
                   : AddFrozen("pos_embed", SinCosPositions(grid, options.width));
  patch_embed_ = AddChild("patch_embed", std::make_shared<PatchEmbedding>(
                                             options.channels, options.patch_size, options.width,
                                             options.frozen_patch_embedding));
  for (int64_t i = 0; i < options.depth; ++i) {
    blocks_.push_back(
        AddChild(absl::StrCat("blocks.", i),
                 std::make_shared<VitBlock>(options.width, options.heads, options.norm_eps)));
  }
  norm_ = AddChild("norm", std::make_shared<LayerNorm>(options.width, options.norm_eps));
}

at::Tensor VisionTransformer::PositionsFor(int64_t grid) const {
  const int64_t own = options_.image_size / options_.patch_size;
  if (grid == own) return pos_embed_;
  if (!options_.learned_positions) {
    return SinCosPositions(grid, options_.width).to(pos_embed_.options());
  }
  const at::Tensor map =
      pos_embed_.narrow(1, 1, own * own).transpose(1, 2).reshape({1, options_.width, own, own});
  const at::Tensor resized = at::upsample_bicubic2d(map, {grid, grid}, /*align_corners=*/false);
  return at::cat({pos_embed_.narrow(1, 0, 1), resized.flatten(2).transpose(1, 2)}, 1);
}

at::Tensor VisionTransformer::Embed(const at::Tensor& images) {
  TORCH_CHECK(images.dim() == 4 && images.size(2) == images.size(3) &&
                  images.size(2) % options_.patch_size == 0 && images.size(2) > 0,
              "a vision transformer with patches of ", options_.patch_size,
              " px needs square images whose side is a multiple of that, got ", images.sizes());
  const at::Tensor patches = patch_embed_->forward(images);
  const at::Tensor tokens = at::cat(
      {cls_token_.expand({images.size(0), 1, options_.width}).to(patches.scalar_type()), patches},
      1);
  return tokens + PositionsFor(images.size(2) / options_.patch_size);
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
    stages.push_back(after.narrow(1, 1, grid * grid).transpose(1, 2).unflatten(2, {grid, grid}));
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

std::string ResizedPositionsSentence(const v1::BackboneConfig& config, int image_size) {
  if (config.patch_size() == 0) return "";
  const int own = config.image_size() / config.patch_size();
  const int grid = image_size / config.patch_size();
  if (grid == own) return "";
  return absl::StrCat("the table of positions is for images of ", config.image_size(), " px (", own,
                      " x ", own, " patches); for ", image_size, " px (", grid, " x ", grid, ") ",
                      config.positions() == v1::LEARNED
                          ? "it is resized bicubically, without antialiasing: other "
                            "programs may give slightly other features"
                          : "the sines and cosines of that grid are taken, not the table resized");
}

void ResolveVit(int image_size, v1::BackboneConfig* config) {
  if (config->image_size() == 0) config->set_image_size(image_size);
  if (config->patch_size() == 0) {
    config->set_patch_size(config->image_size() <= kSmallImageMaxSize ? kSmallPatchSize
                                                                      : kDefaultPatchSize);
  }
  if (config->heads() == 0) {
    for (const Architecture& candidate : kArchitectures) {
      if (config->architecture() == candidate.name) {
        config->set_heads(static_cast<int32_t>(candidate.heads));
      }
    }
  }
  if (config->positions() == v1::POSITIONS_UNSPECIFIED) config->set_positions(v1::SINCOS);
  if (!config->has_frozen_patch_embedding()) config->set_frozen_patch_embedding(true);
}

absl::StatusOr<std::shared_ptr<Backbone>> MakeVit(const v1::BackboneConfig& given) {
  CASSLE_RETURN_IF_ERROR(
      RefuseOtherSettings(given, {"patch_size", "heads", "positions", "frozen_patch_embedding",
                                  "image_size", "extra_channels", "norm_eps"}));
  v1::BackboneConfig config = given;
  ResolveVit(kDefaultImageSize, &config);
  VisionTransformer::Options options;
  for (const Architecture& candidate : kArchitectures) {
    if (config.architecture() == candidate.name) options.width = candidate.width;
  }
  if (options.width == 0) {
    return absl::InternalError(absl::StrCat(config.architecture(), " has no width"));
  }
  if (config.image_size() % config.patch_size() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("backbone.patch_size: images of ", config.image_size(),
                     " px are no multiple of patches of ", config.patch_size(),
                     " px; choose a patch size that divides ", config.image_size()));
  }
  if (options.width % config.heads() != 0) {
    return absl::InvalidArgumentError(absl::StrCat("backbone.heads: ", config.heads(),
                                                   " does not divide the width ", options.width));
  }
  if (config.positions() != v1::SINCOS && config.positions() != v1::LEARNED) {
    return absl::InvalidArgumentError("backbone.positions: must be SINCOS or LEARNED");
  }
  options.channels = kImageChannels + config.extra_channels_size();
  options.heads = config.heads();
  options.patch_size = config.patch_size();
  options.image_size = config.image_size();
  options.learned_positions = config.positions() == v1::LEARNED;
  options.frozen_patch_embedding = config.frozen_patch_embedding();
  if (config.norm_eps() != 0) options.norm_eps = config.norm_eps();
  return std::shared_ptr<Backbone>(std::make_shared<VisionTransformer>(options));
}

}  // namespace cassle
