#include "cassle/base/golden.h"

#include <climits>
#include <cstdlib>

#include "cassle/base/file.h"

namespace cassle {

absl::StatusOr<SafetensorsFile> OpenGolden(const std::string& name) {
  const char* folder = std::getenv("CASSLE_GOLDEN_DIR");
  return SafetensorsFile::Open(
      JoinPath(folder != nullptr && *folder != '\0' ? folder : "testdata/golden", name));
}

std::string RealDataDir() {
  const char* folder = std::getenv("CASSLE_DATA_DIR");
  if (folder != nullptr && *folder != '\0') return IsDirectory(folder) ? folder : "";
  // In a test's runfiles the data files are links into the checkout: follow one to find it.
  char real[PATH_MAX];
  if (realpath("testdata/golden/BUILD", real) == nullptr) return "";
  const std::string checkout = DirName(DirName(DirName(real)));
  const std::string beside = JoinPath(DirName(checkout), "shared/data");
  return IsDirectory(beside) ? beside : "";
}

}  // namespace cassle
