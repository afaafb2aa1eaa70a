#include "cassle/ssl/optimizers/make_optimizer.h"

#include <utility>

#include "cassle/ssl/optimizers/adamw.h"
#include "cassle/ssl/optimizers/lars.h"
#include "cassle/ssl/optimizers/sgd.h"

namespace cassle {

std::unique_ptr<Optimizer> MakeOptimizer(const v1::TrainingConfig& training,
                                         std::vector<ParameterGroup> groups) {
  const WeightDecay decay = {training.weight_decay(), training.exempt_biases()};
  switch (training.optimizer()) {
    case v1::ADAMW:
      return std::make_unique<AdamW>(std::move(groups), decay);
    case v1::ADAM:
      return std::make_unique<AdamW>(std::move(groups), decay, AdamW::Decay::kInGradient);
    case v1::LARS:
      return std::make_unique<Lars>(std::move(groups), training.momentum(), decay.rate);
    default:
      return std::make_unique<Sgd>(std::move(groups), training.momentum(), decay);
  }
}

}  // namespace cassle
