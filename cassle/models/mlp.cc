#include "cassle/models/mlp.h"

#include <ATen/ops/relu.h>
#include <c10/util/Exception.h>

#include <string>

namespace cassle {

Mlp::Mlp(const MlpOptions& options) {
  TORCH_CHECK(options.depth >= 1 && options.in >= 1 && options.out >= 1 &&
                  (options.depth == 1 || options.hidden >= 1),
              "an MLP needs positive sizes: in ", options.in, ", hidden ", options.hidden, ", out ",
              options.out, ", depth ", options.depth);
  int position = 0;
  int64_t size = options.in;
  for (int i = 0; i < options.depth; ++i) {
    const bool last = i == options.depth - 1;
    const int64_t out = last ? options.out : options.hidden;
    const bool bias = last && options.last_bias && !options.last_norm;
    linears_.push_back(
        AddChild(std::to_string(position++), std::make_shared<Linear>(size, out, bias)));
    if (!last || options.last_norm) {
      const BatchNorm::Options norm = {.affine = !last || options.last_norm_affine};
      norms_.push_back(
          AddChild(std::to_string(position++), std::make_shared<BatchNorm>(out, norm)));
    }
    ++position;  // ReLU
    size = out;
  }
}

at::Tensor Mlp::forward(const at::Tensor& input) {
  at::Tensor activations = input;
  for (size_t i = 0; i < linears_.size(); ++i) {
    if (i > 0) activations = at::relu(activations);
    activations = linears_[i]->forward(activations);
    if (i < norms_.size()) activations = norms_[i]->forward(activations);
  }
  return activations;
}

}  // namespace cassle
