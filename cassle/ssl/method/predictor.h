// The network between the projection of one view and that of the other in BYOL, SimSiam and
// MoCo-v3.
#ifndef CASSLE_SSL_METHOD_PREDICTOR_H_
#define CASSLE_SSL_METHOD_PREDICTOR_H_

#include <ATen/core/Tensor.h>

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/networks/mlp.h"
#include "cassle/models/networks/module.h"
#include "cassle/ssl/method/method.h"

namespace cassle {

class Predictor {
 public:
  // `mlp`: projection size -> hidden -> projection size. Initialised from streams named
  // "predictor." + parameter name. Conditioned as setup.conditioning says.
  // \error kInvalidArgument if the conditioning is impossible.
  static absl::StatusOr<Predictor> Create(const MethodSetup& setup, const MlpOptions& mlp);

  // [B, mlp.in] projections of `view` -> [B, mlp.out], float32 also when the network computes in
  // bfloat16.
  at::Tensor Predict(const at::Tensor& projections, const View& view);

  Module* network() const {
    return conditioned_ != nullptr ? static_cast<Module*>(conditioned_.get()) : plain_.get();
  }

 private:
  Predictor() = default;

  // One of the two.
  std::shared_ptr<Mlp> plain_;
  std::shared_ptr<ConditionedProjector> conditioned_;
  Precision precision_ = Precision::kFloat32;
};

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_PREDICTOR_H_
