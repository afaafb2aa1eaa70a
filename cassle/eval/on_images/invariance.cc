#include "cassle/eval/on_images/invariance.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/flip.h>
#include <ATen/ops/log_softmax.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>

namespace cassle {
namespace {

// Columns that are looked at together: 32 MiB of double for 256 images.
constexpr int64_t kColumns = 16384;
// As torch.nn.functional.normalize.
constexpr double kSmallestNorm = 1e-12;

// Inner products of all rows: [n, n] double.
struct Products {
  at::Tensor unchanged, changed, across;
  // Of the diagonal of c: sum of (c_kk - 1)^2 and of c_kk^2.
  double off_one = 0;
  double squares = 0;
};

Products Multiply(const at::Tensor& unchanged, const at::Tensor& changed) {
  const int64_t n = unchanged.size(0), d = unchanged.size(1);
  Products products;
  for (at::Tensor* sum : {&products.unchanged, &products.changed, &products.across}) {
    *sum = at::zeros({n, n}, unchanged.options().dtype(at::kDouble));
  }
  for (int64_t first = 0; first < d; first += kColumns) {
    const int64_t columns = std::min(kColumns, d - first);
    const at::Tensor f = unchanged.narrow(1, first, columns).to(at::kDouble);
    const at::Tensor g = changed.narrow(1, first, columns).to(at::kDouble);
    products.unchanged.addmm_(f, f.t());
    products.changed.addmm_(g, g.t());
    products.across.addmm_(f, g.t());
    const at::Tensor diagonal = (f * g).mean(0);
    products.off_one += (diagonal - 1).square().sum().item().toDouble();
    products.squares += diagonal.square().sum().item().toDouble();
  }
  return products;
}

double Value(const at::Tensor& scalar) { return scalar.item().toDouble(); }

}  // namespace

const std::vector<InvarianceMeasure>& AllInvarianceMeasures() {
  static const auto& measures = *new std::vector<InvarianceMeasure>{
      {"matched cosine", &InvarianceMeasures::matched},
      {"unmatched cosine", &InvarianceMeasures::unmatched},
      {"cosine difference", &InvarianceMeasures::difference},
      {"InfoNCE", &InvarianceMeasures::info_nce},
      {"self-distillation", &InvarianceMeasures::self_distillation},
      {"cross-correlation loss", &InvarianceMeasures::cross_correlation}};
  return measures;
}

InvarianceMeasures MeasureInvariance(const at::Tensor& unchanged, const at::Tensor& changed) {
  TORCH_CHECK(unchanged.sizes() == changed.sizes() && unchanged.size(0) >= 2,
              "MeasureInvariance: features of the same shape and of two images or more");
  const Products products = Multiply(unchanged.flatten(1), changed.flatten(1));
  const double n = static_cast<double>(unchanged.size(0));
  const auto norms = [](const at::Tensor& of) {
    return of.diagonal().sqrt().clamp_min(kSmallestNorm);
  };
  const at::Tensor cosines = products.across / norms(products.unchanged).unsqueeze(1) /
                             norms(products.changed).unsqueeze(0);
  InvarianceMeasures measures;
  measures.matched = Value(cosines.diagonal().mean());
  measures.unmatched = Value(at::flip(cosines, {1}).diagonal().mean());
  measures.difference = measures.matched - measures.unmatched;
  measures.info_nce = -2 * kInvarianceTemperature *
                      Value(at::log_softmax(cosines / kInvarianceTemperature, 1).diagonal().mean());
  measures.self_distillation = -measures.matched;
  // sum_kl c_kl^2 = <f f^T, g g^T> / n^2.
  const double all_squares = Value((products.unchanged * products.changed).sum()) / (n * n);
  measures.cross_correlation =
      products.off_one + kInvarianceOffDiagonalWeight * (all_squares - products.squares);
  return measures;
}

}  // namespace cassle
