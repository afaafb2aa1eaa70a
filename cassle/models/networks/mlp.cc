#include "cassle/models/networks/mlp.h"

#include <ATen/ops/gelu.h>
#include <ATen/ops/relu.h>
#include <c10/util/Exception.h>

#include <string>

namespace cassle {

at::Tensor Activate(const at::Tensor& input, Activation activation) {
  return activation == Activation::kGelu ? at::gelu(input) : at::relu(input);
}

Mlp::Mlp(const MlpOptions& options) : activation_(options.activation) {
  TORCH_CHECK(options.depth >= 1 && options.in >= 1 && options.out >= 1 &&
                  (options.depth == 1 || options.hidden >= 1),
              "an MLP needs positive sizes: in ", options.in, ", hidden ", options.hidden, ", out ",
              options.out, ", depth ", options.depth);
  int position = 0;
  int64_t size = options.in;
  for (int i = 0; i < options.depth; ++i) {
    const bool last = i == options.depth - 1;
    const int64_t out = last ? options.out : options.hidden;
    const bool norm = last ? options.last_norm : options.hidden_norm;
    const bool bias = !norm && (!last || options.last_bias);
    linears_.push_back(
        AddChild(std::to_string(position++), std::make_shared<Linear>(size, out, bias)));
    norms_.emplace_back();
    if (norm) {
      const BatchNorm::Options norm_options = {.affine = !last || options.last_norm_affine};
      norms_.back() =
          AddChild(std::to_string(position++), std::make_shared<BatchNorm>(out, norm_options));
    }
    ++position;  // Activation
    size = out;
  }
}

at::Tensor Mlp::forward(const at::Tensor& input) {
  at::Tensor activations = input;
  for (size_t i = 0; i < linears_.size(); ++i) {
    if (i > 0) activations = Activate(activations, activation_);
    activations = linears_[i]->forward(activations);
    if (norms_[i] != nullptr) activations = norms_[i]->forward(activations);
  }
  return activations;
}

}  // namespace cassle
