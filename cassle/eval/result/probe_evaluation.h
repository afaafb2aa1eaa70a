// What an evaluation shows of a linear probe: scores, charts and warnings made of its details.
#ifndef CASSLE_EVAL_RESULT_PROBE_EVALUATION_H_
#define CASSLE_EVAL_RESULT_PROBE_EVALUATION_H_

#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/eval/result/linear_probe_result.pb.h"

namespace cassle {

inline constexpr char kProbeTitle[] = "Linear probes";

// Of more classes no chart is made: a map of them could not be read.
inline constexpr int kMaxChartClasses = 200;

// Adds the target's two accuracies, first the one that its probe was judged by; a chart of the grid
// and one of the classes; its warnings; and, which is the same for all targets, the texts.
void AddProbeTarget(const v1::LinearProbeTarget& target, v1::Evaluation* evaluation);

}  // namespace cassle

#endif  // CASSLE_EVAL_RESULT_PROBE_EVALUATION_H_
