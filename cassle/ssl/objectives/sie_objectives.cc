#include "cassle/ssl/objectives/sie_objectives.h"

#include <ATen/TensorOperators.h>
#include <c10/util/Exception.h>

#include "cassle/ssl/objectives/objectives.h"

namespace cassle {

at::Tensor SieLoss(const at::Tensor& z1, const at::Tensor& z2, const at::Tensor& predictions,
                   const SieWeights& weights) {
  TORCH_CHECK(z1.dim() == 2 && z1.sizes() == z2.sizes() && predictions.dim() == 2 &&
                  predictions.size(0) == z1.size(0) && predictions.size(1) < z1.size(1),
              "SieLoss: need two [B, P] tensors of the same shape and predictions [B, Q] with "
              "Q < P, got ",
              z1.sizes(), ", ", z2.sizes(), " and ", predictions.sizes());
  const int64_t equivariant = predictions.size(1), invariant = z1.size(1) - equivariant;
  const at::Tensor distance =
      (z1.narrow(1, 0, invariant) - z2.narrow(1, 0, invariant)).pow(2).mean();
  const at::Tensor error = (predictions - z2.narrow(1, invariant, equivariant)).pow(2).mean();
  return distance * weights.invariance + error * weights.equivariance +
         VarianceHinge(predictions) * (0.5 * weights.variance) +
         VicregLoss(z1, z2, {0, weights.variance, weights.covariance});
}

}  // namespace cassle
