#include "cassle/base/testing/fuzz_check.h"

#include <cstdio>
#include <cstdlib>

namespace cassle {

void FuzzFinding(const char* file, int line, const char* condition) {
  std::fprintf(stderr, "%s:%d: does not hold: %s\n", file, line, condition);
  std::abort();
}

bool BlamesInput(const absl::Status& status) {
  return (absl::IsDataLoss(status) || absl::IsInvalidArgument(status)) && !status.message().empty();
}

}  // namespace cassle
