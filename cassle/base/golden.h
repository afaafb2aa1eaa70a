// Golden vectors in tests: numbers computed by the authors' own code.
#ifndef CASSLE_BASE_GOLDEN_H_
#define CASSLE_BASE_GOLDEN_H_

#include <string>

#include "absl/status/statusor.h"
#include "cassle/base/safetensors.h"

namespace cassle {

// Opens NAME in the folder that the environment variable CASSLE_GOLDEN_DIR names, else in the copy
// under testdata/golden (the test needs data = ["//testdata/golden"]).
absl::StatusOr<SafetensorsFile> OpenGolden(const std::string& name);

// The folder of small real image sets: CASSLE_DATA_DIR, else ../shared/data beside the checkout;
// empty if neither is there, and then the caller skips its test.
std::string RealDataDir();

}  // namespace cassle

#endif  // CASSLE_BASE_GOLDEN_H_
