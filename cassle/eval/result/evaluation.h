// The result that evaluation stages have in common: who was measured, on what, scores and charts.
#ifndef CASSLE_EVAL_RESULT_EVALUATION_H_
#define CASSLE_EVAL_RESULT_EVALUATION_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "cassle/eval/embeddings/embeddings.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

// Everything but sets and measurements, from the embeddings' metadata. `title` is the heading of
// its tables.
v1::Evaluation DescribeEvaluation(const std::string& stage, const std::string& title,
                                  const Embeddings& embeddings);

// Adds the role that `embeddings` has; `rows` of them were used.
void AddEvaluatedSet(const std::string& role, const Embeddings& embeddings, int64_t rows,
                     v1::Evaluation* evaluation);

// Adds an accuracy or another fraction that is better when higher; the caller may set the rest.
v1::Score* AddAccuracy(const std::string& name, double value, int64_t num_test,
                       v1::Evaluation* evaluation);

// Writes result.textproto and result.json into the stage's output folder (if it has one), notes the
// warnings and hands the result to stdout.
// \error kInvalidArgument if two scores (of one metric) or two charts have the same name; kInternal
// naming the score that is not finite; those of WriteFile.
absl::Status WriteEvaluation(const v1::Evaluation& evaluation, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_RESULT_EVALUATION_H_
