// The stage project: embeddings in, scatter plots out.
#ifndef CASSLE_EVAL_ON_EMBEDDINGS_PROJECT_STAGE_H_
#define CASSLE_EVAL_ON_EMBEDDINGS_PROJECT_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/on_embeddings/project_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

inline StageInfo ProjectInfo() {
  return {"project", /*version=*/5,
          "Draws features as points of a plane, by t-SNE or principal "
          "components, coloured by class."};
}

// Writes result.textproto and result.json (Evaluation): the divergence of t-SNE or the part of the
// variance in the plane; project_TARGET.svg per target (project.svg if nothing is labelled); and
// points.safetensors
//   ids     [n] I64
//   points  [n, 2] F32
// \error kInvalidArgument for settings that make no sense; kNotFound and kDataLoss for embeddings
// that are missing or broken; kFailedPrecondition for fewer images than the method needs, if all
// are alike, or for a target that is not there; kCancelled when interrupted.
absl::Status RunProject(const v1::ProjectOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_EMBEDDINGS_PROJECT_STAGE_H_
