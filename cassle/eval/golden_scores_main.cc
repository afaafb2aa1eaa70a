// golden-scores: see golden_scores.h. `bazel run` names the source tree in its environment.
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "cassle/eval/reporting/golden_scores.h"
#include "cassle/stage/stage_main.h"

int main(int argc, char** argv) {
  const char* const source_tree = std::getenv("BUILD_WORKSPACE_DIRECTORY");
  const auto as_golden =
      cassle::RunGoldenScores(std::vector<std::string>(argv + 1, argv + argc),
                              source_tree == nullptr ? "" : source_tree, std::cout);
  if (as_golden.ok()) return *as_golden ? 0 : 1;
  std::cerr << "golden-scores: " << as_golden.status().message() << "\n";
  return cassle::ExitCode(as_golden.status());
}
