#include "cassle/runtime/torch_guard.h"

#include <c10/util/Exception.h>

#include <new>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/out_of_memory.h"
#include "cassle/runtime/ranks/team.h"

namespace cassle {

absl::Status TorchFailure(const std::exception& error) {
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr) return OutOfMemoryError();
  if (dynamic_cast<const TeamError*>(&error) != nullptr)
    return absl::UnavailableError(error.what());
  const auto* of_torch = dynamic_cast<const c10::Error*>(&error);
  if (of_torch == nullptr) return absl::InternalError(error.what());
  const std::string message = of_torch->what_without_backtrace();
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) {
    return absl::AbortedError(
        absl::StrCat("the GPU has too little memory: lower --batch_size, raise --accumulate_steps, "
                     "or try --precision=bf16 (",
                     message.substr(0, message.find('\n')), ")"));
  }
  if (absl::StrContains(message, "DefaultCPUAllocator")) return OutOfMemoryError();
  if (absl::StrContains(message, "CUDA error")) {
    return absl::UnavailableError(
        absl::StrCat("the GPU failed: ", message.substr(0, message.find('\n')),
                     "; the same command goes on from the last checkpoint, if there is one"));
  }
  return absl::InternalError(message);
}

}  // namespace cassle
