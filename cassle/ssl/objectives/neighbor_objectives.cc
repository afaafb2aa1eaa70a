#include "cassle/ssl/objectives/neighbor_objectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include "cassle/ssl/objectives/objectives.h"

namespace cassle {
namespace {

// L(n, p), see the header.
at::Tensor OneWay(const at::Tensor& n, const at::Tensor& p, double temperature) {
  const at::Tensor logits =
      NormalizeRows(n.detach()).mm(NormalizeRows(p).t()) / temperature;  // [B, B]
  return (logits.logsumexp(1) - logits.diagonal()).mean();
}

}  // namespace

at::Tensor NearestRows(const at::Tensor& z, const at::Tensor& support) {
  TORCH_CHECK(z.dim() == 2 && support.dim() == 2 && z.size(1) == support.size(1),
              "NearestRows: need [B, D] projections and a [K, D] support set, got ", z.sizes(),
              " and ", support.sizes());
  const at::NoGradGuard no_grad;
  // The length of a row of z does not change which cosine is the largest.
  const at::Tensor nearest = z.detach().mm(support.t()).argmax(1, /*keepdim=*/true);
  return support.gather(0, nearest.expand({-1, support.size(1)}));
}

at::Tensor NnclrLoss(const at::Tensor& n1, const at::Tensor& n2, const at::Tensor& p1,
                     const at::Tensor& p2, double temperature) {
  for (const at::Tensor& tensor : {n1, n2, p1, p2}) {
    TORCH_CHECK(tensor.dim() == 2 && tensor.sizes() == n1.sizes(),
                "NnclrLoss: need [B, D] tensors of the same shape, got ", n1.sizes(), " and ",
                tensor.sizes());
  }
  return (OneWay(n1, p2, temperature) + OneWay(n2, p1, temperature)) * 0.5;
}

}  // namespace cassle
