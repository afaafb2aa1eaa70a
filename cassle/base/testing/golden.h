// Golden vectors in tests: numbers computed by the authors' own code.
#ifndef CASSLE_BASE_TESTING_GOLDEN_H_
#define CASSLE_BASE_TESTING_GOLDEN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/base/safetensors.h"

namespace cassle {

// Opens NAME in the folder that the environment variable CASSLE_GOLDEN_DIR names, else in the copy
// under testdata/golden (the test needs data = ["//testdata/golden"]).
absl::StatusOr<SafetensorsFile> OpenGolden(const std::string& name);

// What is between `prefix` and ".safetensors" in the names of all files of that folder that start
// with `prefix`, sorted: for tests that run on every such file. Empty if there is no folder.
std::vector<std::string> GoldenNames(absl::string_view prefix);

// What is before `suffix` in the names of all tensors of the file NAME that end in it, sorted: for
// tests that run on every case of a file. Where there is none it is one case without a name, so
// that such a test fails instead of vanishing.
std::vector<std::string> GoldenCases(const std::string& name, absl::string_view suffix);

// The folder of small real image sets: CASSLE_DATA_DIR, else ../shared/data, either from the
// checkout on if it is relative; empty if it is not there, and then the caller skips its test.
std::string RealDataDir();

}  // namespace cassle

#endif  // CASSLE_BASE_TESTING_GOLDEN_H_
