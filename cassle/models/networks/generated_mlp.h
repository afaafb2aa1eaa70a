// A multi-layer perceptron whose weights another network makes, anew for every row: the projector
// of CASSLE's hypernetwork treatment.
//
//   weights = generator(descriptor)       [B, P], one set of weights per row
//   a_0     = input                       [B, n_0]
//   a_i+1   = act(norm_i(a_i W_i + b_i))  W_i [n_i, n_i+1] and b_i [n_i+1] of the row's own set
//   output  = a_(k-1) W_(k-1) + b_(k-1)   no activation; a norm only if the options want one
//
// A row of `weights` holds W_0 row by row, b_0, W_1, b_1, ...; P is their number. The generator is
// an Mlp that ends in batch norm, so generated weights start with mean 0 and variance 1 over the
// batch, whatever the layer's size; the norms between the layers, where chosen, are ordinary batch
// norms, not generated.
//
// Cost: the generator's last layer has width * P weights, and a training step holds about four
// tensors of B * P numbers (before and after the batch norm, and their gradients). The projector
// of SimCLR and MoCo-v2 on ResNet-50 (2048 -> 2048 -> 128) has P = 4,458,624: with width 64 that is
// 285 million weights (1.1 GB, and twice that for gradient and momentum) and 4.6 GB per tensor at
// batch 256. On ResNet-18 (512 -> 512 -> 128) P = 328,320: 21 million weights, 0.34 GB per tensor.
//
// Source: cond_utils.py (AugProjector, treatment "hn") of github.com/gmum/CASSLE, tested against
// its numbers; a hypernetwork in the sense of Ha et al. 2017 (arXiv:1609.09106).
#ifndef CASSLE_MODELS_NETWORKS_GENERATED_MLP_H_
#define CASSLE_MODELS_NETWORKS_GENERATED_MLP_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "cassle/models/networks/layers.h"
#include "cassle/models/networks/mlp.h"
#include "cassle/models/networks/module.h"

namespace cassle {

struct GeneratedMlpOptions {
  // The network whose weights are generated. Unlike in an Mlp every layer has a bias (it differs
  // from row to row, so that a batch norm does not take it away), and only `hidden_norm` below says
  // whether batch norm follows a hidden layer.
  MlpOptions mlp;
  // Batch norm between the generated layers.
  bool hidden_norm = false;
  // The generator: an Mlp descriptor_size -> width -> ... -> P of `generator_depth` layers.
  int64_t descriptor_size = 0;
  int64_t generator_width = 0;
  int generator_depth = 2;
};

// P: how many weights and biases the network has.
int64_t NumGeneratedWeights(const MlpOptions& mlp);

// Children: "generator", then "norms.0", "norms.1", ... by layer, where there are any.
class GeneratedMlp : public Module {
 public:
  // Throws c10::Error if a size or a depth is below 1.
  explicit GeneratedMlp(const GeneratedMlpOptions& options);
  // input [B, in], descriptor [B, descriptor_size] -> [B, out]
  at::Tensor forward(const at::Tensor& input, const at::Tensor& descriptor);

 private:
  // n_0 .. n_k
  std::vector<int64_t> sizes_;
  Activation activation_;
  std::shared_ptr<Mlp> generator_;
  // One per layer; null where no batch norm follows.
  std::vector<std::shared_ptr<BatchNorm>> norms_;
};

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_GENERATED_MLP_H_
