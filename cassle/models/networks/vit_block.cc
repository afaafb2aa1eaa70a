#include "cassle/models/networks/vit_block.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/matmul.h>
#include <ATen/ops/silu.h>
#include <ATen/ops/softmax.h>

#include <cmath>

#include "cassle/models/networks/backbone_sizes.h"
#include "cassle/runtime/torch_version.h"

namespace cassle {
namespace {

// softmax(q k^T / sqrt(head_size)) v.  [B, heads, N, head_size] each
at::Tensor Attend(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value) {
  if (HasFusedAttention(query)) return FusedAttention(query, key, value);
  const double scale = 1.0 / std::sqrt(static_cast<double>(query.size(3)));
  const at::Tensor scores = at::matmul(query, key.transpose(-2, -1)) * scale;
  return at::matmul(at::softmax(scores, -1), value);
}

}  // namespace

InitialValues XavierUniform(int64_t in, int64_t out) {
  return Uniform(std::sqrt(6.0 / static_cast<double>(in + out)));
}

// Multi-head self-attention.  [B, N, width] -> [B, N, width]
class VitAttention : public Module {
 public:
  VitAttention(int64_t width, int64_t heads)
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
  VitMlp(int64_t width, bool swiglu) : swiglu_(swiglu) {
    const int64_t hidden = swiglu ? SwiGluWidth(width) : MlpWidth(width);
    // Gates and values are two matrices.
    fc1_ = AddChild("fc1", std::make_shared<Linear>(width, swiglu ? 2 * hidden : hidden,
                                                    XavierUniform(width, hidden)));
    fc2_ = AddChild("fc2", std::make_shared<Linear>(hidden, width, XavierUniform(hidden, width)));
  }
  at::Tensor forward(const at::Tensor& input) {
    const at::Tensor hidden = fc1_->forward(input);
    if (!swiglu_) return fc2_->forward(at::gelu(hidden));
    const std::vector<at::Tensor> halves = hidden.chunk(2, -1);
    return fc2_->forward(at::silu(halves[0]) * halves[1]);
  }

 private:
  const bool swiglu_;
  std::shared_ptr<Linear> fc1_;
  std::shared_ptr<Linear> fc2_;
};

// Every feature times a factor of its own.
class LayerScale : public Module {
 public:
  LayerScale(int64_t width, double initial)
      : gamma_(AddParameter("gamma", {width}, Constant(initial))) {}
  at::Tensor forward(const at::Tensor& input) { return input * gamma_; }

 private:
  at::Tensor gamma_;
};

VitBlock::VitBlock(const Options& options) {
  const auto scale = [&](const char* name) {
    return options.layer_scale == 0
               ? nullptr
               : AddChild(name, std::make_shared<LayerScale>(options.width, options.layer_scale));
  };
  norm1_ = AddChild("norm1", std::make_shared<LayerNorm>(options.width, options.norm_eps));
  attn_ = AddChild("attn", std::make_shared<VitAttention>(options.width, options.heads));
  ls1_ = scale("ls1");
  norm2_ = AddChild("norm2", std::make_shared<LayerNorm>(options.width, options.norm_eps));
  mlp_ = AddChild("mlp", std::make_shared<VitMlp>(options.width, options.swiglu));
  ls2_ = scale("ls2");
}

at::Tensor VitBlock::forward(const at::Tensor& tokens) {
  const auto scaled = [](const std::shared_ptr<LayerScale>& scale, const at::Tensor& branch) {
    return scale == nullptr ? branch : scale->forward(branch);
  };
  const at::Tensor attended =
      tokens +
      drop_attention_.Apply(scaled(ls1_, attn_->forward(norm1_->forward(tokens))), is_training());
  return attended +
         drop_mlp_.Apply(scaled(ls2_, mlp_->forward(norm2_->forward(attended))), is_training());
}

}  // namespace cassle
