// A method around another: it changes what it overrides and hands on the rest. The base of what
// stands beside any method (AugSelf, EquiMod), changes its batches or its groups of parameters.
#ifndef CASSLE_SSL_METHOD_METHOD_WRAPPER_H_
#define CASSLE_SSL_METHOD_METHOD_WRAPPER_H_

#include <memory>
#include <utility>
#include <vector>

#include "cassle/ssl/method/method.h"

namespace cassle {

class MethodWrapper : public Method {
 public:
  explicit MethodWrapper(std::unique_ptr<Method> method) : method_(std::move(method)) {}

  // The wrapped method is told the progress here, so that AfterStep knows it too.
  MethodOutput Forward(const Batch& batch) override {
    method_->set_progress(epoch(), epochs());
    return method_->Forward(batch);
  }
  void AfterStep() override { method_->AfterStep(); }
  std::vector<Network> networks() const override { return method_->networks(); }
  std::vector<NamedTensor> other_state() const override { return method_->other_state(); }
  int num_views() const override { return method_->num_views(); }
  int64_t num_classes() const override { return method_->num_classes(); }
  std::vector<ParameterGroup> GroupParameters(
      const std::vector<NamedTensor>& parameters) const override {
    return method_->GroupParameters(parameters);
  }

 private:
  const std::unique_ptr<Method> method_;
};

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_METHOD_WRAPPER_H_
