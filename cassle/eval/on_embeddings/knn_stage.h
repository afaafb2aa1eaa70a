// The stage knn: embeddings in, accuracies of the vote of the most similar images out.
#ifndef CASSLE_EVAL_ON_EMBEDDINGS_KNN_STAGE_H_
#define CASSLE_EVAL_ON_EMBEDDINGS_KNN_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/on_embeddings/knn_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

inline StageInfo KnnInfo() {
  return {"knn", /*version=*/5,
          "Classifies images by the vote of the most similar ones of "
          "another set (or of their own), for several numbers of "
          "neighbours, temperatures and targets."};
}

// Writes result.textproto and result.json (Evaluation): the accuracy of every target, number of
// neighbours k and temperature T, and a chart over k; neighbors.safetensors: per test row the rows
// of train, nearest first,
//   rows          [n_test, largest k] I64
//   similarities  [n_test, largest k] F32 (cosine), or distances
// and classifier.safetensors (cassle/eval/classifiers/classifier_file.h), for predict.
// \error kInvalidArgument for settings that make no sense; kNotFound, kDataLoss and
// kFailedPrecondition for embeddings that are missing, broken, of different encoders, fewer than k,
// or that cannot be learnt from (one class only, no label); kCancelled when interrupted.
absl::Status RunKnn(const v1::KnnOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_EMBEDDINGS_KNN_STAGE_H_
