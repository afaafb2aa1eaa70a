// A backbone with its projector: what every method pushes its views through.
#ifndef CASSLE_SSL_ENCODER_H_
#define CASSLE_SSL_ENCODER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "cassle/models/backbone.h"
#include "cassle/models/conditioning.h"
#include "cassle/models/mlp.h"
#include "cassle/ssl/method.h"

namespace cassle {

class Encoder {
 public:
  // projector.in is not read: it is F, the backbone's feature size (and the conditioner adds its
  // own). projector.hidden 0 means F. Equal setups give equal weights. \error kInvalidArgument if a
  // size or the conditioning is out of range; whatever setup.make_backbone returns.
  static absl::StatusOr<Encoder> Create(const MethodSetup& setup, MlpOptions projector);

  // [B, projector.out], not normalised, float32 also when the networks compute in bfloat16.
  // Gradients flow unless they are switched off.
  at::Tensor Project(const View& view);

  Backbone* backbone() const { return backbone_.get(); }
  ConditionedProjector* projector() const { return projector_.get(); }

 private:
  Encoder() = default;

  std::shared_ptr<Backbone> backbone_;
  std::shared_ptr<ConditionedProjector> projector_;
  Precision precision_ = Precision::kFloat32;
};

}  // namespace cassle

#endif  // CASSLE_SSL_ENCODER_H_
