#include "cassle/ssl/training/accumulate.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/models/networks/layers.h"

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

// Each rank's are those of its own groups, of which all have as many.
void AverageRunningStatistics(const Method& method, Team* team) {
  const c10::NoGradGuard no_grad;
  std::vector<at::Tensor> statistics, flat;
  for (const NamedTensor& named : method.state()) {
    if (!absl::EndsWith(named.name, ".running_mean") &&
        !absl::EndsWith(named.name, ".running_var")) {
      continue;
    }
    statistics.push_back(named.tensor);
    flat.push_back(named.tensor.flatten());
  }
  if (flat.empty()) return;
  const at::Tensor means = at::cat(flat);
  team->Sum(means);
  means.div_(static_cast<double>(team->size()));
  int64_t first = 0;
  for (const at::Tensor& of_layer : statistics) {
    of_layer.copy_(means.narrow(0, first, of_layer.numel()));
    first += of_layer.numel();
  }
}

}  // namespace

absl::Status CheckShares(int64_t batch_size, int64_t parts, int64_t batch_norm_group, int ranks) {
  if (batch_size % parts != 0 || batch_size / parts < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--accumulate_steps=", parts, ": expected a divisor of --batch_size=", batch_size,
        " that leaves at least 2 images a part"));
  }
  const int64_t part = batch_size / parts;
  const std::string images =
      absl::StrCat("the ", part, " images of ", parts == 1 ? "a batch" : "a part of a batch");
  if (ranks > part) {
    return absl::InvalidArgumentError(absl::StrCat(
        images, " are too few for ", ranks, " ranks; raise --batch_size, or start fewer ranks"));
  }
  if (batch_norm_group == 0) return absl::OkStatus();
  const int64_t groups = part / batch_norm_group;
  if (part % batch_norm_group != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--batch_norm_group=", batch_norm_group, ": expected a divisor of ", images));
  }
  if (groups % ranks != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--batch_norm_group=", batch_norm_group, " cuts ", images, " into ", groups,
        groups == 1 ? " group" : " groups", ", which ", ranks,
        " ranks cannot share: start as many ranks as divides them, or choose smaller groups"));
  }
  return absl::OkStatus();
}

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
                              const SharedBatch& shared, int64_t batch_norm_group) {
  const int64_t images = batch.views.at(0).images.size(0);
  TORCH_CHECK(parts >= 1 && images % parts == 0, "AccumulateGradients: ", parts, " equal parts of ",
              images, " images");
  const int64_t count = images / parts;
  const BatchNormGroupScope in_groups(batch_norm_group);
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
  if (batch_norm_group > 0 && shared.team != nullptr) {
    AverageRunningStatistics(*method, shared.team);
  }
  pass.z1 = Together(z1);
  pass.z2 = Together(z2);
  pass.features1 = Together(features1);
  return pass;
}

}  // namespace cassle
