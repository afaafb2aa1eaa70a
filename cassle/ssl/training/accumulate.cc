#include "cassle/ssl/training/accumulate.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <utility>
#include <vector>

namespace cassle {
namespace {

at::Tensor RowsOf(const at::Tensor& tensor, int64_t first, int64_t count) {
  return tensor.defined() ? tensor.narrow(0, first, count) : tensor;
}

// All ranks' rows.
at::Tensor Gathered(const at::Tensor& own, const SharedBatch& shared, int64_t rows) {
  return own.defined() ? shared.team->Gather(own, rows) : own;
}

// Of a batch of own rows: its images, and all ranks' rows of the rest.
Batch WithRowsOfAll(Batch part, const SharedBatch& shared, int64_t rows) {
  for (View& view : part.views) {
    view.descriptors = Gathered(view.descriptors, shared, rows);
    view.relative = Gathered(view.relative, shared, rows);
  }
  part.labels = Gathered(part.labels, shared, rows);
  return part;
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

std::vector<int64_t> RowsOnRank(int64_t rows, int64_t parts, int rank, int size) {
  const int64_t count = rows / parts;
  const RowRange own = RowsOfRank(count, rank, size);
  std::vector<int64_t> positions;
  for (int64_t part = 0; part < parts; ++part) {
    for (int64_t i = 0; i < own.count; ++i) positions.push_back(part * count + own.first + i);
  }
  return positions;
}

BatchPass AccumulateGradients(const Batch& batch, int64_t parts, Method* method,
                              const SharedBatch& shared) {
  const int64_t images = batch.views.at(0).images.size(0);
  TORCH_CHECK(parts >= 1 && images % parts == 0, "AccumulateGradients: ", parts, " equal parts of ",
              images, " images");
  const int64_t count = images / parts;
  BatchPass pass;
  std::vector<at::Tensor> z1, z2, features1;
  for (int64_t i = 0; i < parts; ++i) {
    Batch part = parts == 1 ? batch : PartOf(batch, i * count, count);
    if (shared.team != nullptr) part = WithRowsOfAll(std::move(part), shared, shared.rows / parts);
    const MethodOutput output = method->Forward(part);
    if (output.loss.is_cpu()) {
      pass.loss += output.loss.item().toDouble() / static_cast<double>(parts);
      if (!std::isfinite(pass.loss)) return pass;
    } else {
      const at::Tensor part = output.loss.detach() / static_cast<double>(parts);
      pass.unread_loss = pass.unread_loss.defined() ? pass.unread_loss + part : part;
    }
    if (i == parts - 1 && shared.averager != nullptr) shared.averager->Begin();
    (parts == 1 ? output.loss : output.loss / static_cast<double>(parts)).backward();
    z1.push_back(Detached(output.z1));
    z2.push_back(Detached(output.z2));
    features1.push_back(Detached(output.features1));
  }
  if (shared.averager != nullptr) shared.averager->Finish();
  pass.z1 = Together(z1);
  pass.z2 = Together(z2);
  pass.features1 = Together(features1);
  return pass;
}

}  // namespace cassle
