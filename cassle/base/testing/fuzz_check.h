// For fuzz targets (NAME_fuzzer.cc, tools/fuzz.bzl): what must hold for every input.
#ifndef CASSLE_BASE_TESTING_FUZZ_CHECK_H_
#define CASSLE_BASE_TESTING_FUZZ_CHECK_H_

#include <cstddef>
#include <cstdint>

#include "absl/status/status.h"

// What libFuzzer calls. Returns 0 for an input worth keeping, -1 for one that is not.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace cassle {

// Prints what was violated and aborts, which makes the input a finding.
[[noreturn]] void FuzzFinding(const char* file, int line, const char* condition);

// An error must be one of the two kinds that blame the input, with a message.
bool BlamesInput(const absl::Status& status);

}  // namespace cassle

#define CASSLE_FUZZ_CHECK(condition) \
  if (!(condition)) ::cassle::FuzzFinding(__FILE__, __LINE__, #condition)

#endif  // CASSLE_BASE_TESTING_FUZZ_CHECK_H_
