// The differences between the LibTorch versions that this builds with, 1.13 to 2.x: nobody else
// asks for a version.
#ifndef CASSLE_RUNTIME_TORCH_VERSION_H_
#define CASSLE_RUNTIME_TORCH_VERSION_H_

#include <ATen/autocast_mode.h>
#include <c10/core/DeviceType.h>
#include <c10/core/ScalarType.h>
#include <torch/version.h>

#include <cstdint>

#define CASSLE_TORCH_AT_LEAST(major, minor) \
  (TORCH_VERSION_MAJOR > (major) ||         \
   (TORCH_VERSION_MAJOR == (major) && TORCH_VERSION_MINOR >= (minor)))

#if CASSLE_TORCH_AT_LEAST(2, 9)
#include <c10/core/CachingDeviceAllocator.h>
#endif

// c10::Allocator::allocate was const at first.
#if CASSLE_TORCH_AT_LEAST(2, 3)
#define CASSLE_ALLOCATE_CONST
#else
#define CASSLE_ALLOCATE_CONST const
#endif

namespace cassle {

// Autocast of a kind of device, CPU or CUDA, in this thread.
inline bool AutocastEnabled(c10::DeviceType device) {
#if CASSLE_TORCH_AT_LEAST(2, 4)
  return at::autocast::is_autocast_enabled(device);
#else
  return device == c10::DeviceType::CUDA ? at::autocast::is_enabled()
                                         : at::autocast::is_cpu_enabled();
#endif
}

inline void SetAutocastEnabled(c10::DeviceType device, bool enabled) {
#if CASSLE_TORCH_AT_LEAST(2, 4)
  at::autocast::set_autocast_enabled(device, enabled);
#else
  if (device == c10::DeviceType::CUDA) {
    at::autocast::set_enabled(enabled);
  } else {
    at::autocast::set_cpu_enabled(enabled);
  }
#endif
}

inline c10::ScalarType AutocastType(c10::DeviceType device) {
#if CASSLE_TORCH_AT_LEAST(2, 4)
  return at::autocast::get_autocast_dtype(device);
#else
  return device == c10::DeviceType::CUDA ? at::autocast::get_autocast_gpu_dtype()
                                         : at::autocast::get_autocast_cpu_dtype();
#endif
}

inline void SetAutocastType(c10::DeviceType device, c10::ScalarType type) {
#if CASSLE_TORCH_AT_LEAST(2, 4)
  at::autocast::set_autocast_dtype(device, type);
#else
  if (device == c10::DeviceType::CUDA) {
    at::autocast::set_autocast_gpu_dtype(type);
  } else {
    at::autocast::set_autocast_cpu_dtype(type);
  }
#endif
}

// Whether LibTorch has attention for these queries that never stores the scores: on GPUs. On the
// processor the plain form keeps its bits.
inline bool HasFusedAttention(const at::Tensor& query) {
#if CASSLE_TORCH_AT_LEAST(2, 1)
  return query.is_cuda();
#else
  return false;
#endif
}

// softmax(query key^T / sqrt(head_size)) value; only if HasFusedAttention.
inline at::Tensor FusedAttention(const at::Tensor& query, const at::Tensor& key,
                                 const at::Tensor& value) {
#if CASSLE_TORCH_AT_LEAST(2, 1)
  return at::scaled_dot_product_attention(query, key, value);
#else
  TORCH_CHECK(false, "this LibTorch has no fused attention");
#endif
}

// The most memory of a GPU that LibTorch has held, bytes; 0 if it does not say, and for the
// processor.
inline int64_t PeakDeviceBytes(c10::Device device) {
#if CASSLE_TORCH_AT_LEAST(2, 9)
  if (device.is_cpu()) return 0;
  return c10::getDeviceAllocator(device.type())
      ->getDeviceStats(device.index())
      .reserved_bytes[0]
      .peak;
#else
  return 0;
#endif
}

}  // namespace cassle

#endif  // CASSLE_RUNTIME_TORCH_VERSION_H_
