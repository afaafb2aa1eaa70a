// A method whose parameters get other learning rates: layer_decay.h, projector_rate.h.
#ifndef CASSLE_SSL_METHOD_REGROUPED_H_
#define CASSLE_SSL_METHOD_REGROUPED_H_

#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "cassle/ssl/method/method_wrapper.h"
#include "cassle/ssl/optimizers/optimizer.h"

namespace cassle {

class Regrouped : public MethodWrapper {
 public:
  using Regroup = std::function<std::vector<ParameterGroup>(const std::vector<ParameterGroup>&)>;

  // Groups of parameters are what `regroup` makes of those of `method`.
  Regrouped(std::unique_ptr<Method> method, Regroup regroup)
      : MethodWrapper(std::move(method)), regroup_(std::move(regroup)) {}

  std::vector<ParameterGroup> GroupParameters(
      const std::vector<NamedTensor>& parameters) const override {
    return regroup_(MethodWrapper::GroupParameters(parameters));
  }

 private:
  const Regroup regroup_;
};

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_REGROUPED_H_
