#include "cassle/ssl/method/key_queue.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/zeros.h>
#include <c10/util/Exception.h>

#include <cmath>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/philox.h"

namespace cassle {

KeyQueue::KeyQueue(int64_t size, int64_t dimension, uint64_t seed)
    : rows_(at::empty({size, dimension}, at::kFloat)), pointer_(at::zeros({}, at::kLong)) {
  float* out = rows_.data_ptr<float>();
  std::vector<double> row(dimension);
  for (int64_t i = 0; i < size; ++i) {
    // One stream per row: a longer queue starts with the rows of a shorter one.
    Philox random(StreamKey{seed, RandomDomain::kQueue, static_cast<uint64_t>(i)});
    double square_sum = 0;
    for (double& value : row) {
      value = random.NextGaussian();
      square_sum += value * value;
    }
    const double scale = 1 / std::sqrt(square_sum);
    for (int64_t j = 0; j < dimension; ++j) *out++ = static_cast<float>(row[j] * scale);
  }
}

void KeyQueue::Enqueue(const at::Tensor& keys) {
  at::NoGradGuard no_grad;
  int64_t* pointer = pointer_.data_ptr<int64_t>();
  TORCH_CHECK(
      keys.dim() == 2 && keys.size(1) == rows_.size(1) && *pointer + keys.size(0) <= rows_.size(0),
      "KeyQueue::Enqueue: keys ", keys.sizes(), " do not fit at row ", *pointer, " of a queue of ",
      rows_.sizes());
  rows_.narrow(0, *pointer, keys.size(0)).copy_(keys.detach());
  *pointer = (*pointer + keys.size(0)) % rows_.size(0);
}

absl::Status CheckQueueSize(const char* method, int64_t queue_size, int64_t batch_size) {
  if (queue_size >= batch_size && queue_size % batch_size == 0) return absl::OkStatus();
  const int64_t below = queue_size / batch_size * batch_size;
  return absl::InvalidArgumentError(absl::StrCat(
      "--method.", method, ".queue_size=", queue_size, " is not a multiple of the batch size ",
      batch_size, "; the nearest that are: ", below > 0 ? absl::StrCat(below, " and ") : "",
      below + batch_size));
}

}  // namespace cassle
