// Where in a training a call of Forward is: what keys a method's own draws, so that threads, ranks,
// accumulation and interruptions change none.
#ifndef CASSLE_SSL_METHOD_STEP_POSITION_H_
#define CASSLE_SSL_METHOD_STEP_POSITION_H_

#include <ATen/TensorOperators.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/zeros.h>

#include <cstdint>
#include <string>
#include <utility>

#include "cassle/runtime/named_tensor.h"

namespace cassle {

class StepPosition {
 public:
  // Steps taken.
  int64_t step() const { return steps_.item().toLong(); }
  // Rows that earlier parts of this step's batch had.
  int64_t first_row() const { return first_row_; }

  // At the end of Forward on so many rows of the whole batch, all ranks' together.
  void Pass(int64_t rows) { first_row_ += rows; }
  // In AfterStep.
  void NextStep() {
    steps_.add_(1);
    first_row_ = 0;
  }
  // What a checkpoint keeps.
  NamedTensor state(std::string name) const { return {std::move(name), steps_}; }

 private:
  at::Tensor steps_ = at::zeros({}, at::kLong);
  int64_t first_row_ = 0;
};

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_STEP_POSITION_H_
