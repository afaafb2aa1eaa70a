// The stage similar: the images of a data set that are most like new ones, by the cosine of their
// features.
//
//   similar.csv    query,rank,image,similarity,label: k lines for each query, the nearest first
//   similar.html   the same as pictures, in one file that needs no network
//   similar.png    the first queries of it
//
// The searched images are in memory once ([n, d] float32); exact search, O(queries n d).
#ifndef CASSLE_EVAL_ON_IMAGES_SIMILAR_STAGE_H_
#define CASSLE_EVAL_ON_IMAGES_SIMILAR_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/on_images/similar_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

StageInfo SimilarInfo();

// \error kInvalidArgument naming a missing option; kFailedPrecondition if --train comes from
// another model or other images, or has several rows per image; as OpenNewImages and
// DamagedImages::CheckSome.
absl::Status RunSimilar(const v1::SimilarOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_SIMILAR_STAGE_H_
