#include "cassle/base/testing/golden.h"

#include <climits>
#include <cstdlib>

#include "absl/strings/strip.h"
#include "cassle/base/file.h"

namespace cassle {

namespace {

std::string GoldenDir() {
  const char* folder = std::getenv("CASSLE_GOLDEN_DIR");
  return folder != nullptr && *folder != '\0' ? folder : "testdata/golden";
}

}  // namespace

absl::StatusOr<SafetensorsFile> OpenGolden(const std::string& name) {
  return SafetensorsFile::Open(JoinPath(GoldenDir(), name));
}

std::vector<std::string> GoldenNames(absl::string_view prefix) {
  const absl::StatusOr<std::vector<std::string>> files = ListDirectory(GoldenDir());
  if (!files.ok()) return {};
  std::vector<std::string> names;
  for (absl::string_view file : *files) {
    if (absl::ConsumePrefix(&file, prefix) && absl::ConsumeSuffix(&file, ".safetensors")) {
      names.emplace_back(file);
    }
  }
  return names;
}

std::vector<std::string> GoldenCases(const std::string& name, absl::string_view suffix) {
  std::vector<std::string> cases;
  const absl::StatusOr<SafetensorsFile> file = OpenGolden(name);
  if (file.ok()) {
    for (const std::string& tensor : file->names()) {
      absl::string_view prefix = tensor;
      if (absl::ConsumeSuffix(&prefix, suffix)) cases.emplace_back(prefix);
    }
  }
  if (cases.empty()) cases.emplace_back();
  return cases;
}

std::string RealDataDir() {
  const char* const named = std::getenv("CASSLE_DATA_DIR");
  std::string folder = named != nullptr && *named != '\0' ? named : "../shared/data";
  if (folder[0] != '/') {
    // In a test's runfiles the data files are links into the checkout: follow one to find it.
    char real[PATH_MAX];
    if (realpath("testdata/golden/BUILD", real) == nullptr) return "";
    folder = JoinPath(DirName(DirName(DirName(real))), folder);
  }
  return IsDirectory(folder) ? folder : "";
}

}  // namespace cassle
