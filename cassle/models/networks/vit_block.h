// The blocks of vision transformers (vit.h):
//   x + ls1 * attention(norm1(x)), then x + ls2 * mlp(norm2(x))
// Names and their order are timm's: norm1, attn.qkv, attn.proj, ls1.gamma, norm2, mlp.fc1, mlp.fc2,
// ls2.gamma.
#ifndef CASSLE_MODELS_NETWORKS_VIT_BLOCK_H_
#define CASSLE_MODELS_NETWORKS_VIT_BLOCK_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "cassle/models/networks/drop_path.h"
#include "cassle/models/networks/layers.h"
#include "cassle/models/networks/module.h"

namespace cassle {

// U(-b, b) with b = sqrt(6 / (in + out)) (Glorot & Bengio 2010).
InitialValues XavierUniform(int64_t in, int64_t out);

class VitAttention;
class VitMlp;
class LayerScale;

class VitBlock : public Module {
 public:
  struct Options {
    int64_t width = 0;
    int64_t heads = 0;
    double norm_eps = 1e-6;
    // Initial value of ls1 and ls2 (Touvron et al. 2021, arXiv:2103.17239); 0: there are none.
    double layer_scale = 0;
    // Shazeer 2020, arXiv:2002.05202; of a width of SwiGluWidth (backbone_sizes.h): mlp.fc1 gives
    // gates and values, in this order, and mlp.fc2 takes silu(gates) * values. Else GELU.
    bool swiglu = false;
  };
  explicit VitBlock(const Options& options);
  // [B, N, width] -> [B, N, width]
  at::Tensor forward(const at::Tensor& tokens);
  // Of attention and MLP.
  void Drop(const DroppedBranch& attention, const DroppedBranch& mlp) {
    drop_attention_ = attention;
    drop_mlp_ = mlp;
  }

 private:
  std::shared_ptr<LayerNorm> norm1_;
  std::shared_ptr<VitAttention> attn_;
  // May be null, like ls2_.
  std::shared_ptr<LayerScale> ls1_;
  std::shared_ptr<LayerNorm> norm2_;
  std::shared_ptr<VitMlp> mlp_;
  std::shared_ptr<LayerScale> ls2_;
  DroppedBranch drop_attention_;
  DroppedBranch drop_mlp_;
};

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_VIT_BLOCK_H_
