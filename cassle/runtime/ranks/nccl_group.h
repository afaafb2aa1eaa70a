// Collectives between the GPUs of ranks by NCCL, where this LibTorch has it; not yet run on a GPU.
#ifndef CASSLE_RUNTIME_RANKS_NCCL_GROUP_H_
#define CASSLE_RUNTIME_RANKS_NCCL_GROUP_H_

#include <c10/core/Device.h>
#include <c10/util/intrusive_ptr.h>

#include <string>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "absl/time/time.h"
#include "cassle/runtime/torch_version.h"

#if CASSLE_TORCH_AT_LEAST(2, 0)
#include <torch/csrc/distributed/c10d/Backend.hpp>
#else
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#endif

namespace cassle {

// What Gloo's and NCCL's process groups have in common.
#if CASSLE_TORCH_AT_LEAST(2, 0)
using CollectiveGroup = c10d::Backend;
#else
using CollectiveGroup = c10d::ProcessGroup;
#endif

bool HasNccl();

// What no other device in the world is called. Of a GPU, if HasNccl.
std::string DeviceIdentity(c10::Device device);

// Only if HasNccl. The group's communicators are made with the first collective. A rank that is
// lost ends the process after `timeout`: NCCL cannot give up a collective that has begun.
// Throws std::exception if there is no GPU.
c10::intrusive_ptr<CollectiveGroup> MakeNcclGroup(const c10::intrusive_ptr<c10d::Store>& store,
                                                  int rank, int size, absl::Duration timeout);

}  // namespace cassle

#endif  // CASSLE_RUNTIME_RANKS_NCCL_GROUP_H_
