// Vision transformers of MoCo-v3 (Chen, Xie & He 2021, arXiv:2104.02057; after Dosovitskiy et al.
// 2021, arXiv:2010.11929) without the classification layer.
//
//   name       width  heads  parameters at 224 px (with the frozen ones)
//   vit_tiny     192      3      5,524,416   (timm's; MoCo-v3 has none)
//   vit_small    384     12     21,665,664   (MoCo-v3's 12 heads; timm's and DeiT's have 6)
//   vit_base     768     12     85,798,656
//
// 12 blocks of x + attention(norm(x)), x + mlp(norm(x)) with a hidden width of 4 and GELU; a class
// token; the features are the class token after a last norm; every norm has eps 1e-6 (Hugging
// Face's ViT 1e-12). Positions are
// a fixed 2-d sine-cosine table (the class token's row is 0), or a learned table. The patch
// embedding stays as it was drawn (MoCo-v3, section 4.2: training it makes runs unstable).
// Initialisation as in the authors' code: linear layers Xavier uniform, with query, key and value
// as three matrices; class token N(0, 1e-6).
//
// Parameter names and their order are timm's, which MoCo-v3 uses. Made through backbone.h.
#ifndef CASSLE_MODELS_NETWORKS_VIT_H_
#define CASSLE_MODELS_NETWORKS_VIT_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/layers.h"

namespace cassle {

// The fixed positions of `grid` x `grid` patches in row-major order behind a class token:
// [1, 1 + grid^2, width] float32. A quarter of the width each: sine and cosine of the row, sine and
// cosine of the column, at frequencies 10000^(-i / (width / 4)). width must be a multiple of 4.
at::Tensor SinCosPositions(int64_t grid, int64_t width);

class VitBlock;
class PatchEmbedding;

class VisionTransformer : public Backbone {
 public:
  struct Options {
    int64_t channels = kImageChannels;
    int64_t width = 0;
    int64_t heads = 0;
    int64_t depth = 12;
    int64_t patch_size = 16;
    // Of the position table; a multiple of patch_size.
    int64_t image_size = 224;
    bool learned_positions = false;
    bool frozen_patch_embedding = true;
    double norm_eps = 1e-6;
  };
  explicit VisionTransformer(const Options& options);

  // The tokens that enter the first block, and those after every block: [B, 1 + patches, width],
  // the class token first. Images may have another (square) size than the table: sine-cosine
  // positions are then made for it, learned ones are resized bicubically.
  std::vector<at::Tensor> ForwardTokens(const at::Tensor& images);

  // What is added to the tokens of images of `grid` x `grid` patches: [1, 1 + grid^2, width].
  at::Tensor PositionsFor(int64_t grid) const;

  std::vector<at::Tensor> ForwardStages(const at::Tensor& images) override;
  at::Tensor forward(const at::Tensor& images) override;
  int64_t feature_size() const override { return options_.width; }
  int64_t layers() const override { return options_.depth; }
  bool layers_have_one_width() const override { return true; }
  int64_t special_tokens() const override { return 1; }
  std::vector<at::Tensor> ForwardLayers(const at::Tensor& images, int64_t first,
                                        int64_t last) override;

 private:
  // The tokens that enter the first block.
  at::Tensor Embed(const at::Tensor& images);

  const Options options_;
  at::Tensor cls_token_;
  at::Tensor pos_embed_;
  std::shared_ptr<PatchEmbedding> patch_embed_;
  std::vector<std::shared_ptr<VitBlock>> blocks_;
  std::shared_ptr<LayerNorm> norm_;
};

// Fills in what is not chosen: patches of 16 px (4 px for images up to 64 px), the heads of the
// table above, sine-cosine positions for images of this size, a frozen patch embedding.
void ResolveVit(int image_size, v1::BackboneConfig* config);

// Values are undefined until Initialize.
// \error InvalidArgument naming the field that is out of range, does not fit the others, or has no
// meaning here.
absl::StatusOr<std::shared_ptr<Backbone>> MakeVit(const v1::BackboneConfig& config);

// A sentence on what happens to the positions of a vision transformer on images of this side
// (pixels); empty where its table is used as it is, and of other backbones.
std::string ResizedPositionsSentence(const v1::BackboneConfig& config, int image_size);

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_VIT_H_
