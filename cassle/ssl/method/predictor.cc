#include "cassle/ssl/method/predictor.h"

#include "cassle/base/status_macros.h"
#include "cassle/runtime/precision_scope.h"

namespace cassle {

absl::StatusOr<Predictor> Predictor::Create(const MethodSetup& setup, const MlpOptions& mlp) {
  Predictor predictor;
  predictor.precision_ = setup.precision;
  if (ConditionsPredictor(setup.conditioning)) {
    CASSLE_ASSIGN_OR_RETURN(
        predictor.conditioned_,
        MakeConditionedPredictor(setup.conditioning, setup.descriptor_size, mlp, setup.seed));
  } else {
    predictor.plain_ = std::make_shared<Mlp>(mlp);
    predictor.plain_->Initialize(setup.seed, "predictor.");
  }
  return predictor;
}

at::Tensor Predictor::Predict(const at::Tensor& projections, const View& view) {
  at::Tensor predictions;
  {
    const PrecisionScope scope(precision_, projections);
    predictions = conditioned_ != nullptr ? conditioned_->forward(projections, view.descriptors)
                                          : plain_->forward(projections);
  }
  return AtLeastFloat32(predictions);
}

}  // namespace cassle
