// What a program was made of, for --version. Nothing here depends on the commit: a program's bytes,
// and with them what Bazel has cached, stay the same until its sources change.
#ifndef CASSLE_BASE_BUILD_FACTS_H_
#define CASSLE_BASE_BUILD_FACTS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace cassle {

// Of the whole: raised for a release, together with its date, which man pages show.
inline constexpr char kVersion[] = "0.1.0";
inline constexpr char kVersionDate[] = "2026-11-28";

// "1.13.1". Defined where LibTorch is configured (cassle/runtime/torch_runtime.cc): null in a
// program that does not link it.
__attribute__((weak)) const char* LibTorchVersion();

// The lines of --version: name and version, commit, compiler, LibTorch and vector kernels (those
// that LimitVectorKernels leaves), each on its own line.
//   folder  of the program. The commit is the first line of FOLDER/../commit.txt, which a bundle
//           has (tools/bundle.sh); without that file there is no such line.
std::string BuildFacts(absl::string_view program, const std::string& folder);

// The folder of the program that runs, links resolved.
std::string ProgramFolder();

}  // namespace cassle

#endif  // CASSLE_BASE_BUILD_FACTS_H_
