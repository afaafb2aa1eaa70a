#include "cassle/ssl/make_optimizer.h"

#include <utility>

#include "cassle/ssl/adamw.h"
#include "cassle/ssl/lars.h"
#include "cassle/ssl/sgd.h"

namespace cassle {

std::unique_ptr<Optimizer> MakeOptimizer(const OptimizerOptions& options,
                                         std::vector<ParameterGroup> groups) {
  switch (options.kind) {
    case v1::ADAMW:
      return std::make_unique<AdamW>(std::move(groups), options.weight_decay);
    case v1::LARS:
      return std::make_unique<Lars>(std::move(groups), options.momentum, options.weight_decay);
    default:
      return std::make_unique<Sgd>(std::move(groups), options.momentum, options.weight_decay);
  }
}

}  // namespace cassle
