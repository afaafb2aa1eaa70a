// Multi-layer perceptrons as the authors of CASSLE build them, for projectors, predictors and
// descriptor networks.
#ifndef CASSLE_MODELS_NETWORKS_MLP_H_
#define CASSLE_MODELS_NETWORKS_MLP_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "cassle/models/networks/layers.h"
#include "cassle/models/networks/module.h"

namespace cassle {

enum class Activation { kRelu, kGelu };

struct MlpOptions {
  int64_t in = 0;
  int64_t hidden = 0;
  int64_t out = 0;
  // Linear layers, 1 or more. With 1 there is no hidden layer: in -> out.
  int depth = 2;
  // Between the layers.
  Activation activation = Activation::kRelu;
  // Batch norm before the activation; without it the hidden layers have a bias.
  bool hidden_norm = true;
  // Bias of the last linear layer, unless batch norm follows it.
  bool last_bias = true;
  // Batch norm after the last linear layer, which then has no bias.
  bool last_norm = false;
  // That batch norm has weight and bias.
  bool last_norm_affine = true;
};

// (depth - 1) x [Linear without bias, BatchNorm, activation], or [Linear with bias, activation];
// then Linear (with bias or without, or without and BatchNorm). Names are those of PyTorch's
// nn.Sequential over these layers, activations counted: "0.weight", "1.weight", ..., "3.weight".
class Mlp : public Module {
 public:
  // Throws c10::Error if a size or the depth is below 1.
  explicit Mlp(const MlpOptions& options);
  // [B, in] -> [B, out]
  at::Tensor forward(const at::Tensor& input);

 private:
  std::vector<std::shared_ptr<Linear>> linears_;
  // One per layer; null where no batch norm follows.
  std::vector<std::shared_ptr<BatchNorm>> norms_;
  Activation activation_;
};

// GELU is the exact one, x times the normal distribution function.
at::Tensor Activate(const at::Tensor& input, Activation activation);

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_MLP_H_
