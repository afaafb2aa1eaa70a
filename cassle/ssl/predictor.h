// The network between the projection of one view and that of the other in BYOL, SimSiam and
// MoCo-v3.
#ifndef CASSLE_SSL_PREDICTOR_H_
#define CASSLE_SSL_PREDICTOR_H_

#include <ATen/core/Tensor.h>

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/models/mlp.h"
#include "cassle/ssl/method.h"

namespace cassle {

class Predictor {
 public:
  // `mlp`: projection size -> hidden -> projection size. Initialised from streams named
  // "predictor." + parameter name. \error kInvalidArgument if a size is below 1.
  static absl::StatusOr<Predictor> Create(const MethodSetup& setup, const MlpOptions& mlp);

  // [B, mlp.in] projections -> [B, mlp.out], float32 also when the network computes in bfloat16.
  at::Tensor Predict(const at::Tensor& projections);

  Mlp* network() const { return network_.get(); }

 private:
  Predictor() = default;

  std::shared_ptr<Mlp> network_;
  Precision precision_ = Precision::kFloat32;
};

}  // namespace cassle

#endif  // CASSLE_SSL_PREDICTOR_H_
