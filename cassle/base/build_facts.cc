#include "cassle/base/build_facts.h"

#include <limits.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/base/file.h"
#include "cassle/base/vector_kernels.h"

namespace cassle {
namespace {

std::string Compiler() {
#ifdef __clang__
  return __VERSION__;
#else
  return absl::StrCat("GCC ", __VERSION__);
#endif
}

}  // namespace

std::string BuildFacts(absl::string_view program, const std::string& folder) {
  std::string text = absl::StrCat(program, " (cassle) ", kVersion, "\n");
  const absl::StatusOr<std::string> commit = ReadFile(JoinPath(folder, "../commit.txt"));
  if (commit.ok()) {
    absl::StrAppend(&text, "commit: ", commit->substr(0, commit->find('\n')), "\n");
  }
  absl::StrAppend(&text, "compiler: ", Compiler(), "\n");
  if (LibTorchVersion != nullptr) absl::StrAppend(&text, "LibTorch: ", LibTorchVersion(), "\n");
  absl::StrAppend(&text, "vector kernels: ", KindOfVectorKernels(), "\n");
  return text;
}

std::string ProgramFolder() {
  char path[PATH_MAX];
  const ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
  return length <= 0 ? "." : DirName(std::string(path, static_cast<size_t>(length)));
}

}  // namespace cassle
