// The stage retrieval: embeddings and their images in, pictures of nearest neighbours out.
#ifndef CASSLE_EVAL_ON_EMBEDDINGS_RETRIEVAL_STAGE_H_
#define CASSLE_EVAL_ON_EMBEDDINGS_RETRIEVAL_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/on_embeddings/retrieval_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

inline StageInfo RetrievalInfo() {
  return {"retrieval", /*version=*/5,
          "Shows the nearest neighbours of images by the cosine of "
          "their features, and how many share a target with the "
          "query."};
}

// Writes result.textproto and result.json (Evaluation): per target the precision at k, the mean
// over all images of test of the part of its k nearest that share its class; per target
// retrieval_TARGET.png and retrieval_TARGET.html with the queries shown; neighbors.safetensors
//   query_ids      [queries] I64
//   neighbor_ids   [queries, k] I64, nearest first
//   similarities   [queries, k] F32
// \error kInvalidArgument for settings that make no sense or an unknown query; kNotFound,
// kDataLoss and kFailedPrecondition for inputs that are missing, broken, of different encoders,
// or not made of these images, one class only, fewer images than k; kCancelled when interrupted.
absl::Status RunRetrieval(const v1::RetrievalOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_EMBEDDINGS_RETRIEVAL_STAGE_H_
