#include "cassle/ssl/objectives/augself_objectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/binary_cross_entropy_with_logits.h>
#include <c10/util/Exception.h>

namespace cassle {
namespace {

void CheckShapes(const char* loss, const at::Tensor& predictions, int64_t predicted,
                 const at::Tensor& targets, int64_t columns) {
  TORCH_CHECK(predictions.dim() == 2 && targets.dim() == 2 &&
                  predictions.size(0) == targets.size(0) && predictions.size(1) == predicted &&
                  targets.size(1) == columns,
              loss, ": need [N, ", predicted, "] predictions and [N, ", columns, "] targets, got ",
              predictions.sizes(), " and ", targets.sizes());
}

}  // namespace

at::Tensor DifferenceLoss(const at::Tensor& predictions, const at::Tensor& differences) {
  const int64_t columns = differences.dim() == 2 ? differences.size(1) : 0;
  CheckShapes("DifferenceLoss", predictions, columns, differences, columns);
  return (predictions.tanh() - differences).pow(2).mean();
}

at::Tensor BroadcastDifferenceLoss(const at::Tensor& predictions, const at::Tensor& differences) {
  CheckShapes("BroadcastDifferenceLoss", predictions, 1, differences, 1);
  return (predictions.tanh() - differences.t()).pow(2).mean();
}

at::Tensor AgreementLoss(const at::Tensor& logits, const at::Tensor& agree) {
  CheckShapes("AgreementLoss", logits, 1, agree, 1);
  return at::binary_cross_entropy_with_logits(logits, agree);
}

at::Tensor QuarterTurnLoss(const at::Tensor& logits, const at::Tensor& quarter_turns) {
  CheckShapes("QuarterTurnLoss", logits, 4, quarter_turns, 1);
  const at::Tensor of_class = logits.gather(1, quarter_turns.to(at::kLong));  // [N, 1]
  return (logits.logsumexp({1}, /*keepdim=*/true) - of_class).mean();
}

}  // namespace cassle
