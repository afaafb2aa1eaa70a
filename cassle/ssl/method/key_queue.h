// Ring of the last K normalised projections: MoCo's dictionary of negatives (He et al. 2020,
// arXiv:1911.05722).
//
//     rows      0 ... pointer-1 | pointer ... pointer+B-1 | ... K-1
//               newest before     the next Enqueue writes here
//
// Not thread-safe. Rows never carry a gradient.
#ifndef CASSLE_SSL_METHOD_KEY_QUEUE_H_
#define CASSLE_SSL_METHOD_KEY_QUEUE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

#include "absl/status/status.h"

namespace cassle {

class KeyQueue {
 public:
  // `size` (K) rows of `dimension` (D) floats, drawn from a Gaussian keyed by `seed` and
  // normalised: the same rows for the same seed on every machine. O(K D) time and memory.
  KeyQueue(int64_t size, int64_t dimension, uint64_t seed);

  // [K, D] float32. A view: Enqueue changes it in place, so finish the backward pass first.
  const at::Tensor& rows() const { return rows_; }
  // The row that the next Enqueue writes first, 0 to K-1. An int64 scalar tensor, so that it
  // travels with the rows.
  const at::Tensor& pointer() const { return pointer_; }

  // Copies `keys` [B, D] (detached and converted to float32) over the B oldest rows. They must be
  // normalised. Throws c10::Error if they would run past the end: K must be a multiple of B.
  void Enqueue(const at::Tensor& keys);

 private:
  at::Tensor rows_;
  at::Tensor pointer_;
};

// \error kInvalidArgument naming method.METHOD.queue_size and the nearest possible ones if
// `queue_size` is no multiple of the batch size.
absl::Status CheckQueueSize(const char* method, int64_t queue_size, int64_t batch_size);

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_KEY_QUEUE_H_
