// main() of a fuzz target in an ordinary build: runs every file of the given folders once.
#include <cstdio>
#include <string>
#include <vector>

#include "cassle/base/file.h"
#include "cassle/base/testing/fuzz_check.h"

int main(int argc, char** argv) {
  int files = 0;
  for (int i = 1; i < argc; ++i) {
    const auto names = cassle::ListFilesBelow(argv[i]);
    if (!names.ok()) {
      std::fprintf(stderr, "%s\n", std::string(names.status().message()).c_str());
      return 1;
    }
    for (const std::string& name : *names) {
      // Named before it runs: the last one named is the one that crashes.
      std::printf("%s\n", name.c_str());
      std::fflush(stdout);
      const auto bytes = cassle::ReadFile(cassle::JoinPath(argv[i], name));
      if (!bytes.ok()) {
        std::fprintf(stderr, "%s\n", std::string(bytes.status().message()).c_str());
        return 1;
      }
      // A copy of exactly that size, so that sanitizers see a read beyond the end.
      const std::vector<uint8_t> data(bytes->begin(), bytes->end());
      LLVMFuzzerTestOneInput(data.data(), data.size());
      ++files;
    }
  }
  std::printf("%d inputs\n", files);
  return files > 0 ? 0 : 1;
}
