#include "cassle/ssl/method/step_rows.h"

#include <ATen/ops/cat.h>
#include <c10/util/Exception.h>

namespace cassle {

void StepRows::Add(const at::Tensor& rows) { rows_.push_back(rows.detach()); }

at::Tensor StepRows::Take() {
  TORCH_CHECK(!rows_.empty(), "StepRows::Take: AfterStep came before Forward");
  const at::Tensor all = rows_.size() == 1 ? rows_.front() : at::cat(rows_);
  rows_.clear();
  return all;
}

}  // namespace cassle
