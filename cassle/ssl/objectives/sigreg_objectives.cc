#include "cassle/ssl/objectives/sigreg_objectives.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>
#include <c10/util/Exception.h>

#include <cmath>

#include "cassle/base/philox.h"

namespace cassle {

at::Tensor SketchDirections(int64_t count, int64_t dimension, int64_t step) {
  at::Tensor directions = at::empty({count, dimension}, at::kFloat);
  float* out = directions.data_ptr<float>();
  std::vector<double> row(dimension);
  for (int64_t i = 0; i < count; ++i) {
    Philox random(StreamKey{.domain = RandomDomain::kSketch,
                            .index = static_cast<uint64_t>(step),
                            .view = static_cast<uint32_t>(i)});
    double square_sum = 0;
    for (double& value : row) {
      value = random.NextGaussian();
      square_sum += value * value;
    }
    const double scale = 1 / std::sqrt(square_sum);
    for (const double value : row) *out++ = static_cast<float>(value * scale);
  }
  return directions;
}

at::Tensor SigregLoss(const at::Tensor& z, const at::Tensor& directions,
                      const SigregQuadrature& quadrature) {
  TORCH_CHECK(z.dim() == 2 && directions.dim() == 2 && z.size(1) == directions.size(1),
              "SigregLoss: need [N, D] embeddings and [M, D] directions, got ", z.sizes(), " and ",
              directions.sizes());
  const at::Tensor projected = z.mm(directions.t());  // [N, M]
  const double width = quadrature.t_max / (quadrature.knots - 1);
  at::Tensor sum;  // [M]
  // At t = 0 both functions are 1.
  for (int knot = 1; knot < quadrature.knots; ++knot) {
    const double t = width * knot;
    const double gaussian = std::exp(-t * t / 2);
    // Of t and -t together; the last has half of it.
    const double weight = (knot + 1 == quadrature.knots ? 1 : 2) * width * gaussian;
    const at::Tensor angles = projected * t;
    const at::Tensor distance =
        (angles.cos().mean(0) - gaussian).pow(2) + angles.sin().mean(0).pow(2);
    sum = sum.defined() ? sum + distance * weight : distance * weight;
  }
  return sum.mean() * static_cast<double>(z.size(0));
}

at::Tensor ViewPredictionLoss(const std::vector<at::Tensor>& views, int num_global) {
  TORCH_CHECK(num_global >= 1 && num_global <= static_cast<int>(views.size()),
              "ViewPredictionLoss: ", num_global, " global views of ", views.size());
  for (const at::Tensor& view : views) {
    TORCH_CHECK(view.dim() == 2 && view.sizes() == views[0].sizes(),
                "ViewPredictionLoss: need [N, D] tensors of the same shape, got ", views[0].sizes(),
                " and ", view.sizes());
  }
  const at::Tensor all = at::stack(views);  // [V, N, D]
  return (all - all.narrow(0, 0, num_global).mean(0)).pow(2).mean();
}

}  // namespace cassle
