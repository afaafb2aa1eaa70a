// Vision transformers (Dosovitskiy et al. 2021, arXiv:2010.11929) without the classification layer:
// those of MoCo-v3 (Chen, Xie & He 2021, arXiv:2104.02057), and with registers, layer scales and
// SwiGLU (vit_block.h) those of DINOv2 (Oquab et al. 2023, arXiv:2304.07193).
//
//   name       width  heads  blocks     parameters at 224 px (with the frozen ones)
//   vit_tiny     192      3      12      5,524,416   (timm's; MoCo-v3 has none)
//   vit_small    384     12      12     21,665,664   (MoCo-v3's 12 heads; timm's and DeiT's have 6)
//   vit_base     768     12      12     85,798,656
//   vit_large   1024     16      24    303,301,632
//   vit_huge    1280     16      32    630,918,400
//   vit_giant   1536     24      40  1,134,831,104   (SwiGLU, as in DINOv2)
//
// Blocks of x + attention(norm(x)), x + mlp(norm(x)) with a hidden width of 4 and GELU; a class
// token; the features are the class token after a last norm; every norm has eps 1e-6 (Hugging
// Face's ViT 1e-12). Positions are a fixed 2-d sine-cosine table (the class token's row is 0), or a
// learned table. Registers (Darcet et al. 2024, arXiv:2309.16588) are tokens without a position
// behind the class token. The patch embedding stays as it was drawn (MoCo-v3, section 4.2: training
// it makes runs unstable).
// Initialisation as in MoCo-v3's code: linear layers Xavier uniform, with query, key and value
// as three matrices; class token and registers N(0, 1e-6).
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
#include "cassle/models/networks/drop_path.h"
#include "cassle/models/networks/layers.h"

namespace cassle {

class VitBlock;
class PatchEmbedding;

class VisionTransformer : public Backbone, public HasResidualBranches {
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
    int64_t registers = 0;
    // As in vit_block.h.
    double layer_scale = 0;
    bool swiglu = false;
    // Of learned positions; unspecified is BICUBIC.
    v1::PositionResize position_resize = v1::POSITION_RESIZE_UNSPECIFIED;
  };
  explicit VisionTransformer(const Options& options);

  // The tokens that enter the first block, and those after every block: [B, 1 + registers +
  // patches, width], the class token first. Images may have another (square) size than the table:
  // sine-cosine positions are then made for it, learned ones are resized (vit_positions.h).
  std::vector<at::Tensor> ForwardTokens(const at::Tensor& images);

  // What is added to the tokens of images of `grid` x `grid` patches: [1, 1 + grid^2, width].
  at::Tensor PositionsFor(int64_t grid) const;

  std::vector<at::Tensor> ForwardStages(const at::Tensor& images) override;
  at::Tensor forward(const at::Tensor& images) override;
  int64_t feature_size() const override { return options_.width; }
  int64_t layers() const override { return options_.depth; }
  bool layers_have_one_width() const override { return true; }
  int64_t special_tokens() const override { return 1 + options_.registers; }
  std::vector<at::Tensor> ForwardLayers(const at::Tensor& images, int64_t first,
                                        int64_t last) override;
  void Use(const std::shared_ptr<const DropPath>& drop_path) override;

 private:
  // The tokens that enter the first block.
  at::Tensor Embed(const at::Tensor& images);

  const Options options_;
  at::Tensor cls_token_;
  // Undefined without registers.
  at::Tensor reg_token_;
  at::Tensor pos_embed_;
  std::shared_ptr<PatchEmbedding> patch_embed_;
  std::vector<std::shared_ptr<VitBlock>> blocks_;
  std::shared_ptr<LayerNorm> norm_;
};

// Fills in what is not chosen: patches of 16 px (4 px for images up to 64 px), the heads of the
// table above, sine-cosine positions for images of this size, a frozen patch embedding, SwiGLU for
// vit_giant.
void ResolveVit(int image_size, v1::BackboneConfig* config);

// Values are undefined until Initialize.
// \error InvalidArgument naming the field that is out of range, does not fit the others, or has no
// meaning here.
absl::StatusOr<std::shared_ptr<Backbone>> MakeVit(const v1::BackboneConfig& config);

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_VIT_H_
