// The stage spectrum: embeddings in, how many directions they use out.
#ifndef CASSLE_EVAL_ON_EMBEDDINGS_SPECTRUM_STAGE_H_
#define CASSLE_EVAL_ON_EMBEDDINGS_SPECTRUM_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/on_embeddings/spectrum_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

inline StageInfo SpectrumInfo() {
  return {"spectrum", /*version=*/1,
          "Principal components of features: explained variance, "
          "effective rank (RankMe) and the exponent of the spectrum "
          "(alpha-ReQ)."};
}

// Writes result.textproto and result.json (Evaluation): RankMe, alpha with its fits, components for
// 90 % of the variance, charts of the spectrum and of the cumulative variance; and
// spectrum.safetensors
//   explained_variance_ratio, singular_values  [min(n, d)] F64, descending
// With fewer components than a fit needs, alpha is left out with a warning.
// \error kInvalidArgument if --embeddings is missing; kNotFound and kDataLoss for embeddings that
// are missing or broken; kFailedPrecondition for fewer than two images, or if all are alike.
absl::Status RunSpectrum(const v1::SpectrumOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_EMBEDDINGS_SPECTRUM_STAGE_H_
