// The moving average of an encoder: keys of MoCo, targets of BYOL. Conditioned like the encoder it
// follows.
#ifndef CASSLE_SSL_METHOD_MOMENTUM_ENCODER_H_
#define CASSLE_SSL_METHOD_MOMENTUM_ENCODER_H_

#include <ATen/core/Tensor.h>

#include <vector>

#include "cassle/ssl/method/encoder.h"
#include "cassle/ssl/method/method.h"

namespace cassle {

class MomentumEncoder {
 public:
  // `average`, built like `online`, becomes a copy of it without gradients. Both stay in training
  // mode: batch norm takes the statistics of the batch here too, as in the authors' code.
  MomentumEncoder(const Encoder& online, Encoder average);

  // Without gradient.
  Encoding Encode(const View& view);
  at::Tensor Project(const View& view) { return Encode(view).projections; }

  // average <- momentum * average + (1 - momentum) * online, parameters only (momentum_update.h).
  void Follow(double momentum);

  // Appends "momentum_backbone" and "momentum_projector".
  void AppendTo(std::vector<Method::Network>* networks) const;

 private:
  Encoder average_;
  std::vector<at::Tensor> online_parameters_;
  std::vector<at::Tensor> average_parameters_;
};

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_MOMENTUM_ENCODER_H_
