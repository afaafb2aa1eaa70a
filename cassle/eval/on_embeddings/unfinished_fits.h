// What a reader should know of the fits behind a probe.
#ifndef CASSLE_EVAL_ON_EMBEDDINGS_UNFINISHED_FITS_H_
#define CASSLE_EVAL_ON_EMBEDDINGS_UNFINISHED_FITS_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace cassle {

// "fits that ended before the tolerance, at w = 0.1, 1; the final fit ended before the tolerance";
// empty where all reached it.
//   Outcome  a grid of points with w and fit, and the refit: ProbeOutcome, RegressionOutcome.
template <class Outcome>
std::string UnfinishedSentence(const Outcome& outcome) {
  std::vector<double> weights;
  for (const auto& point : outcome.grid) {
    if (!point.fit.converged) weights.push_back(point.w);
  }
  std::vector<std::string> sentences;
  if (!weights.empty()) {
    sentences.push_back(absl::StrCat("fits that ended before the tolerance, at w = ",
                                     absl::StrJoin(weights, ", ")));
  }
  if (!outcome.refit.converged) sentences.push_back("the final fit ended before the tolerance");
  return absl::StrJoin(sentences, "; ");
}

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_EMBEDDINGS_UNFINISHED_FITS_H_
