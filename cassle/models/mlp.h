// Multi-layer perceptrons as the authors of CASSLE build them, for projectors, predictors and
// descriptor networks.
#ifndef CASSLE_MODELS_MLP_H_
#define CASSLE_MODELS_MLP_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "cassle/models/layers.h"
#include "cassle/models/module.h"

namespace cassle {

struct MlpOptions {
  int64_t in = 0;
  int64_t hidden = 0;
  int64_t out = 0;
  // Linear layers, 1 or more. With 1 there is no hidden layer: in -> out.
  int depth = 2;
  // Bias of the last linear layer, unless batch norm follows it.
  bool last_bias = true;
  // Batch norm after the last linear layer, which then has no bias.
  bool last_norm = false;
  // That batch norm has weight and bias.
  bool last_norm_affine = true;
};

// (depth - 1) x [Linear without bias, BatchNorm, ReLU], then Linear (with bias or without, or
// without and BatchNorm). Names are those of PyTorch's nn.Sequential over these layers, ReLU
// counted: "0.weight", "1.weight", ..., "3.weight".
class Mlp : public Module {
 public:
  // Throws c10::Error if a size or the depth is below 1.
  explicit Mlp(const MlpOptions& options);
  // [B, in] -> [B, out]
  at::Tensor forward(const at::Tensor& input);

 private:
  std::vector<std::shared_ptr<Linear>> linears_;
  std::vector<std::shared_ptr<BatchNorm>> norms_;
};

}  // namespace cassle

#endif  // CASSLE_MODELS_MLP_H_
