// What a method puts aside in Forward for AfterStep: with gradient accumulation there are several
// calls of Forward in a step, and none of their rows may be lost.
#ifndef CASSLE_SSL_METHOD_STEP_ROWS_H_
#define CASSLE_SSL_METHOD_STEP_ROWS_H_

#include <ATen/core/Tensor.h>

#include <vector>

namespace cassle {

class StepRows {
 public:
  // rows [n, D] of one call of Forward; kept without gradient.
  void Add(const at::Tensor& rows);
  // All rows added since the last time, in order: [sum of n, D]. Throws c10::Error if there are
  // none.
  at::Tensor Take();

 private:
  std::vector<at::Tensor> rows_;
};

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_STEP_ROWS_H_
