#include "cassle/models/networks/generated_mlp.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/bmm.h>
#include <c10/util/Exception.h>

#include <string>

namespace cassle {
namespace {

// n_0 .. n_k
std::vector<int64_t> LayerSizes(const MlpOptions& mlp) {
  TORCH_CHECK(mlp.depth >= 1 && mlp.in >= 1 && mlp.out >= 1 && (mlp.depth == 1 || mlp.hidden >= 1),
              "a generated MLP needs positive sizes: in ", mlp.in, ", hidden ", mlp.hidden,
              ", out ", mlp.out, ", depth ", mlp.depth);
  std::vector<int64_t> sizes(mlp.depth, mlp.hidden);
  sizes[0] = mlp.in;
  sizes.push_back(mlp.out);
  return sizes;
}

}  // namespace

int64_t NumGeneratedWeights(const MlpOptions& mlp) {
  const std::vector<int64_t> sizes = LayerSizes(mlp);
  int64_t weights = 0;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) weights += (sizes[i] + 1) * sizes[i + 1];
  return weights;
}

GeneratedMlp::GeneratedMlp(const GeneratedMlpOptions& options)
    : sizes_(LayerSizes(options.mlp)),
      activation_(options.mlp.activation),
      generator_(AddChild("generator",
                          std::make_shared<Mlp>(MlpOptions{.in = options.descriptor_size,
                                                           .hidden = options.generator_width,
                                                           .out = NumGeneratedWeights(options.mlp),
                                                           .depth = options.generator_depth,
                                                           .last_norm = true}))) {
  const int depth = options.mlp.depth;
  for (int i = 0; i < depth; ++i) {
    const bool last = i == depth - 1;
    norms_.emplace_back();
    if (last ? !options.mlp.last_norm : !options.hidden_norm) continue;
    const BatchNorm::Options norm = {.affine = !last || options.mlp.last_norm_affine};
    norms_.back() =
        AddChild("norms." + std::to_string(i), std::make_shared<BatchNorm>(sizes_[i + 1], norm));
  }
}

at::Tensor GeneratedMlp::forward(const at::Tensor& input, const at::Tensor& descriptor) {
  // Split once: the gradient of the parts is then one concatenation, where narrow() would make a
  // zero tensor of the whole size for each.
  std::vector<int64_t> parts;
  for (size_t i = 0; i + 1 < sizes_.size(); ++i) {
    parts.push_back(sizes_[i] * sizes_[i + 1]);
    parts.push_back(sizes_[i + 1]);
  }
  const std::vector<at::Tensor> generated =
      generator_->forward(descriptor).split_with_sizes(parts, 1);
  const int64_t batch = input.size(0);
  at::Tensor activations = input;
  for (size_t i = 0; i < norms_.size(); ++i) {
    if (i > 0) activations = Activate(activations, activation_);
    const at::Tensor weight = generated[2 * i].view({batch, sizes_[i], sizes_[i + 1]});
    activations = at::bmm(activations.unsqueeze(1), weight).squeeze(1) + generated[2 * i + 1];
    if (norms_[i] != nullptr) activations = norms_[i]->forward(activations);
  }
  return activations;
}

}  // namespace cassle
