#include "cassle/runtime/ranks/nccl_group.h"

#include <c10/util/Exception.h>

#include <chrono>

// By third_party/libtorch: this LibTorch has NCCL, and the headers of CUDA and NCCL are there.
#ifdef CASSLE_NCCL
#define USE_C10D_NCCL
#include <ATen/cuda/CUDAContext.h>

#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#endif

namespace cassle {

#ifdef CASSLE_NCCL

bool HasNccl() { return true; }

std::string DeviceIdentity(c10::Device device) {
  const auto& uuid = at::cuda::getDeviceProperties(device.index())->uuid;
  return std::string(uuid.bytes, sizeof(uuid.bytes));
}

c10::intrusive_ptr<CollectiveGroup> MakeNcclGroup(const c10::intrusive_ptr<c10d::Store>& store,
                                                  int rank, int size, absl::Duration timeout) {
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = std::chrono::milliseconds(absl::ToInt64Milliseconds(timeout));
  return c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
}

#else

bool HasNccl() { return false; }

std::string DeviceIdentity(c10::Device) { TORCH_CHECK(false, "this LibTorch has no NCCL"); }

c10::intrusive_ptr<CollectiveGroup> MakeNcclGroup(const c10::intrusive_ptr<c10d::Store>&, int, int,
                                                  absl::Duration) {
  TORCH_CHECK(false, "this LibTorch has no NCCL");
}

#endif

}  // namespace cassle
