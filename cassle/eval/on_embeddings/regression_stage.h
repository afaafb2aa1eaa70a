// The stage regression: embeddings in, how well vectors (landmarks, positions) can be read from
// them linearly out.
#ifndef CASSLE_EVAL_ON_EMBEDDINGS_REGRESSION_STAGE_H_
#define CASSLE_EVAL_ON_EMBEDDINGS_REGRESSION_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/on_embeddings/regression_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

inline StageInfo RegressionInfo() {
  return {
      "regression", /*version=*/4,
      "Fits linear maps from embeddings to vector targets over a grid of regularisers, chooses one "
      "by a validation part, tests it."};
}

// Writes an Evaluation and regression.safetensors: per target weight.NAME [k, d] F32, bias.NAME
// [k] F32 and prediction.NAME [n_test, k] F32.
// \error kInvalidArgument for settings that make no sense (r2_norm of single numbers); kNotFound,
// kDataLoss and kFailedPrecondition for embeddings that are missing, broken, of different encoders,
// without vector targets, or whose targets do not vary; kCancelled when interrupted.
absl::Status RunRegression(const v1::RegressionOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_EMBEDDINGS_REGRESSION_STAGE_H_
