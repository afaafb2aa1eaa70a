// A backbone with its projector: what every method pushes its views through.
#ifndef CASSLE_SSL_METHOD_ENCODER_H_
#define CASSLE_SSL_METHOD_ENCODER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>

#include "absl/status/statusor.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/networks/mlp.h"
#include "cassle/ssl/method/method.h"

namespace cassle {

// What becomes of a view; float32 also when the networks compute in bfloat16.
struct Encoding {
  // [B, F], the backbone's.
  at::Tensor features;
  // [B, P], the projector's, not normalised.
  at::Tensor projections;
};

class Encoder {
 public:
  // projector.in is not read: it is F, the backbone's feature size (and the conditioner adds its
  // own). projector.hidden 0 means F. Equal setups give equal weights.
  // \error kInvalidArgument if the conditioning does not fit; whatever setup.make_backbone returns.
  static absl::StatusOr<Encoder> Create(const MethodSetup& setup, MlpOptions projector);

  // The same around `backbone`, which setup.make_backbone made: the projector reads the first
  // projector.in of its features, and projector.hidden is what it says.
  static absl::StatusOr<Encoder> CreateAround(const MethodSetup& setup,
                                              std::shared_ptr<Backbone> backbone,
                                              const MlpOptions& projector);

  // Gradients flow unless they are switched off. On one of several ranks the networks see the own
  // rows, and what comes out is gathered: the encoding of all rows, on every rank. With image
  // channels the backbone takes 3 + C channels, and the projector makes the C.
  Encoding Encode(const View& view);
  at::Tensor Project(const View& view) { return Encode(view).projections; }

  Backbone* backbone() const { return backbone_.get(); }
  ConditionedProjector* projector() const { return projector_.get(); }

 private:
  Encoder() = default;

  std::shared_ptr<Backbone> backbone_;
  std::shared_ptr<ConditionedProjector> projector_;
  Precision precision_ = Precision::kFloat32;
  Team* team_ = nullptr;
};

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_ENCODER_H_
