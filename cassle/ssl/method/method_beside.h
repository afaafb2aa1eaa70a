// A method with a task beside its own objective: one that asks the features of two views how their
// augmentations differ (AugSelf, EquiMod), and whose loss is added.
#ifndef CASSLE_SSL_METHOD_METHOD_BESIDE_H_
#define CASSLE_SSL_METHOD_METHOD_BESIDE_H_

#include <memory>
#include <utility>
#include <vector>

#include "cassle/ssl/method/method.h"
#include "cassle/ssl/method/method_wrapper.h"
#include "cassle/ssl/method/relative_columns.h"

namespace cassle {

// Task:
//   at::Tensor Loss(features1, features2, relative1, relative2);   // a scalar
//   void AppendTo(std::vector<Method::Network>*) const;            // its networks
template <class Task>
class MethodBeside : public MethodWrapper {
 public:
  // columns: those of View.relative that the task reads.
  MethodBeside(std::unique_ptr<Method> method, Task task, RelativeColumns columns)
      : MethodWrapper(std::move(method)), task_(std::move(task)), columns_(std::move(columns)) {}

  MethodOutput Forward(const Batch& batch) override {
    MethodOutput output = MethodWrapper::Forward(batch);
    output.loss = output.loss + task_.Loss(output.features1, output.features2,
                                           columns_.Of(batch.views.at(0).relative),
                                           columns_.Of(batch.views.at(1).relative));
    return output;
  }

  std::vector<Network> networks() const override {
    std::vector<Network> networks = MethodWrapper::networks();
    task_.AppendTo(&networks);
    return networks;
  }

 private:
  Task task_;
  const RelativeColumns columns_;
};

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_METHOD_BESIDE_H_
