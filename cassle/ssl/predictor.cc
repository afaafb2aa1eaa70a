#include "cassle/ssl/predictor.h"

#include "absl/strings/str_cat.h"
#include "cassle/ssl/precision_scope.h"

namespace cassle {

absl::StatusOr<Predictor> Predictor::Create(const MethodSetup& setup, const MlpOptions& mlp) {
  if (mlp.hidden < 1) {
    return absl::InvalidArgumentError(
        absl::StrCat("predictor_hidden_size is ", mlp.hidden, "; it must be positive"));
  }
  Predictor predictor;
  predictor.precision_ = setup.precision;
  predictor.network_ = std::make_shared<Mlp>(mlp);
  predictor.network_->Initialize(setup.seed, "predictor.");
  return predictor;
}

at::Tensor Predictor::Predict(const at::Tensor& projections) {
  at::Tensor predictions;
  {
    const PrecisionScope scope(precision_);
    predictions = network_->forward(projections);
  }
  return predictions.scalar_type() == at::kBFloat16 ? predictions.to(at::kFloat) : predictions;
}

}  // namespace cassle
