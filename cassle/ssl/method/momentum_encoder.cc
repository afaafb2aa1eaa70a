#include "cassle/ssl/method/momentum_encoder.h"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "cassle/ssl/method/momentum_update.h"

namespace cassle {
namespace {

std::vector<at::Tensor> ParametersOf(const Encoder& encoder) {
  std::vector<at::Tensor> parameters = encoder.backbone()->parameters();
  for (const at::Tensor& parameter : encoder.projector()->parameters()) {
    parameters.push_back(parameter);
  }
  return parameters;
}

}  // namespace

MomentumEncoder::MomentumEncoder(const Encoder& online, Encoder average)
    : average_(std::move(average)),
      online_parameters_(ParametersOf(online)),
      average_parameters_(ParametersOf(average_)) {
  CopyState(*online.backbone(), average_.backbone());
  CopyState(*online.projector(), average_.projector());
  average_.backbone()->set_requires_grad(false);
  average_.projector()->set_requires_grad(false);
}

Encoding MomentumEncoder::Encode(const View& view) {
  at::NoGradGuard no_grad;
  return average_.Encode(view);
}

void MomentumEncoder::Follow(double momentum) {
  UpdateMomentumParameters(online_parameters_, momentum, &average_parameters_);
}

void MomentumEncoder::AppendTo(std::vector<Method::Network>* networks) const {
  networks->push_back({"momentum_backbone", average_.backbone(), false});
  networks->push_back({"momentum_projector", average_.projector(), false});
}

}  // namespace cassle
