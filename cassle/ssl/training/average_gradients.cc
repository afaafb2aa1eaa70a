#include "cassle/ssl/training/average_gradients.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>

#include <functional>

namespace cassle {
namespace {

constexpr int64_t kBucketBytes = int64_t{4} << 20;

struct Bucket {
  std::vector<at::Tensor> gradients;
  // All of them, one after the other.
  at::Tensor values;
  std::function<void()> wait;
};

void Begin(Bucket* bucket, Team* team) {
  std::vector<at::Tensor> flat;
  for (const at::Tensor& gradient : bucket->gradients) flat.push_back(gradient.flatten());
  bucket->values = at::cat(flat);
  bucket->wait = team->BeginSum(bucket->values);
}

}  // namespace

void AverageGradients(const std::vector<NamedTensor>& parameters, Team* team) {
  const at::NoGradGuard no_grad;
  std::vector<Bucket> buckets;
  int64_t bytes = kBucketBytes;
  for (const NamedTensor& parameter : parameters) {
    const at::Tensor gradient = parameter.tensor.grad();
    if (!gradient.defined()) continue;
    if (bytes >= kBucketBytes) {
      if (!buckets.empty()) Begin(&buckets.back(), team);
      buckets.emplace_back();
      bytes = 0;
    }
    buckets.back().gradients.push_back(gradient);
    bytes += static_cast<int64_t>(gradient.nbytes());
  }
  if (!buckets.empty()) Begin(&buckets.back(), team);
  for (Bucket& bucket : buckets) {
    bucket.wait();
    bucket.values.div_(static_cast<double>(team->size()));
    int64_t first = 0;
    for (at::Tensor& gradient : bucket.gradients) {
      gradient.copy_(bucket.values.narrow(0, first, gradient.numel()).view(gradient.sizes()));
      first += gradient.numel();
    }
  }
}

}  // namespace cassle
