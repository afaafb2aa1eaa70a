// What the system refuses to give as a status, in one line, instead of std::bad_alloc.
//
//   return CatchOutOfMemory([&] { return Decode(bytes, image); });
#ifndef CASSLE_BASE_OUT_OF_MEMORY_H_
#define CASSLE_BASE_OUT_OF_MEMORY_H_

#include <new>

#include "absl/status/status.h"

namespace cassle {

// kAborted (exit code 71: the system lacks what the work needs), with the remedy.
inline absl::Status OutOfMemoryError() {
  return absl::AbortedError(
      "out of memory: give the process more (ulimit -v, the container's limit), or use fewer "
      "--threads, smaller batches or smaller images");
}

inline bool IsOutOfMemory(const absl::Status& status) {
  return status.code() == absl::StatusCode::kAborted;
}

// Calls `work`, which returns an absl::Status or StatusOr; OutOfMemoryError() where memory is
// refused in it.
template <class Work>
auto CatchOutOfMemory(const Work& work) -> decltype(work()) {
  try {
    return work();
  } catch (const std::bad_alloc&) {
    return OutOfMemoryError();
  }
}

}  // namespace cassle

#endif  // CASSLE_BASE_OUT_OF_MEMORY_H_
