#include "cassle/ssl/objectives/clustering_objectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/log_softmax.h>
#include <c10/util/Exception.h>

namespace cassle {

at::Tensor SinkhornAssignments(const at::Tensor& scores, double epsilon, int64_t iterations) {
  TORCH_CHECK(scores.dim() == 2 && epsilon > 0 && iterations >= 1,
              "SinkhornAssignments: need [N, K] scores, epsilon > 0 and an iteration, got ",
              scores.sizes(), ", ", epsilon, " and ", iterations);
  at::NoGradGuard no_grad;
  at::Tensor logarithms = scores.detach() / epsilon;  // [N, K]
  for (int64_t i = 0; i < iterations; ++i) {
    // logsumexp takes the largest out first. Constant factors fall out with the rows.
    logarithms = logarithms - logarithms.logsumexp({0}, /*keepdim=*/true);
    logarithms = logarithms - logarithms.logsumexp({1}, /*keepdim=*/true);
  }
  return logarithms.exp();
}

at::Tensor CrossViewLoss(const std::vector<at::Tensor>& targets,
                         const std::vector<at::Tensor>& logits) {
  TORCH_CHECK(!targets.empty() && logits.size() >= 2 && logits.size() >= targets.size(),
              "CrossViewLoss: ", targets.size(), " targets for ", logits.size(), " views");
  at::Tensor total;
  int64_t pairs = 0;
  for (size_t view = 0; view < logits.size(); ++view) {
    TORCH_CHECK(logits[view].dim() == 2 && logits[view].sizes() == targets[0].sizes(),
                "CrossViewLoss: logits ", logits[view].sizes(), " and targets ",
                targets[0].sizes());
    // The cross entropy is linear in the targets: they are added first.
    at::Tensor sum;
    for (size_t target = 0; target < targets.size(); ++target) {
      if (target == view) continue;
      sum = sum.defined() ? sum + targets[target].detach() : targets[target].detach();
      ++pairs;
    }
    if (!sum.defined()) continue;
    const at::Tensor loss = (sum * at::log_softmax(logits[view], 1)).sum(1).mean();
    total = total.defined() ? total + loss : loss;
  }
  return total / -static_cast<double>(pairs);
}

}  // namespace cassle
