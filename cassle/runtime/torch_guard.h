// What LibTorch throws as a status: the one place where exceptions end.
//
//   return CatchTorch([&] { return Pretrain(options, context); });
#ifndef CASSLE_RUNTIME_TORCH_GUARD_H_
#define CASSLE_RUNTIME_TORCH_GUARD_H_

#include <exception>

#include "absl/status/status.h"

namespace cassle {

// For a person, each in one line: OutOfMemoryError() if the system refused memory,
// kAborted too if a GPU's memory was too small, kUnavailable if the GPU failed or another
// rank of a team was lost (TeamError); else kInternal with the message.
absl::Status TorchFailure(const std::exception& error);

// Calls `work`, which returns an absl::Status or StatusOr; TorchFailure of what it throws.
template <class Work>
auto CatchTorch(const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::exception& error) {
    return TorchFailure(error);
  }
}

}  // namespace cassle

#endif  // CASSLE_RUNTIME_TORCH_GUARD_H_
