#include "cassle/ssl/training/accumulate.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <vector>

namespace cassle {
namespace {

at::Tensor RowsOf(const at::Tensor& tensor, int64_t first, int64_t count) {
  return tensor.defined() ? tensor.narrow(0, first, count) : tensor;
}

Batch PartOf(const Batch& batch, int64_t first, int64_t count) {
  Batch part;
  for (const View& view : batch.views) {
    part.views.push_back({RowsOf(view.images, first, count), RowsOf(view.descriptors, first, count),
                          RowsOf(view.relative, first, count)});
  }
  part.labels = RowsOf(batch.labels, first, count);
  return part;
}

// One after the other; undefined if they are.
at::Tensor Together(const std::vector<at::Tensor>& parts) {
  if (parts.size() == 1 || !parts.front().defined()) return parts.front();
  return at::cat(parts);
}

at::Tensor Detached(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.detach() : tensor;
}

}  // namespace

BatchPass AccumulateGradients(const Batch& batch, int64_t parts, Method* method) {
  const int64_t images = batch.views.at(0).images.size(0);
  TORCH_CHECK(parts >= 1 && images % parts == 0, "AccumulateGradients: ", parts, " equal parts of ",
              images, " images");
  const int64_t count = images / parts;
  BatchPass pass;
  std::vector<at::Tensor> z1, z2, features1;
  for (int64_t i = 0; i < parts; ++i) {
    const MethodOutput output =
        method->Forward(parts == 1 ? batch : PartOf(batch, i * count, count));
    if (output.loss.is_cpu()) {
      pass.loss += output.loss.item().toDouble() / static_cast<double>(parts);
      if (!std::isfinite(pass.loss)) return pass;
    } else {
      const at::Tensor part = output.loss.detach() / static_cast<double>(parts);
      pass.unread_loss = pass.unread_loss.defined() ? pass.unread_loss + part : part;
    }
    (parts == 1 ? output.loss : output.loss / static_cast<double>(parts)).backward();
    z1.push_back(Detached(output.z1));
    z2.push_back(Detached(output.z2));
    features1.push_back(Detached(output.features1));
  }
  pass.z1 = Together(z1);
  pass.z2 = Together(z2);
  pass.features1 = Together(features1);
  return pass;
}

}  // namespace cassle
