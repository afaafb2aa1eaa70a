// LeJEPA (Balestriero & LeCun 2025, arXiv:2511.08544): every view's embedding is to be near the
// mean of the global views', and the embeddings of a batch are to be an isotropic Gaussian
// (SIGReg). No negatives, no predictor, no momentum networks, no stop-gradient. Takes all views of
// a multi-crop policy, of which the first two are the global ones.
//
//   loss = (1 - w) ViewPredictionLoss + w mean over the views of SigregLoss   (algorithm 2;
//                                                                    sigreg_objectives.h)
//
// As in the paper and the authors' repository: w 0.05, 1024 directions that are drawn anew for
// every step, the integral over 17 points of [-5, 5]; a projector of three layers with batch norm
// between them; AdamW with a rate of 0.0005, an epoch of warm-up, weights decayed by 0.05, which is
// theirs for transformers (for ResNets 0.0005). compat OFFICIAL: the integral of their code, 33
// points of [-3, 3]. Each view goes through the networks by itself, while theirs go together, whose
// batch norm sees them together.
#ifndef CASSLE_SSL_METHODS_LEJEPA_H_
#define CASSLE_SSL_METHODS_LEJEPA_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/methods/method.pb.h"

namespace cassle {

Recipe LejepaRecipe(bool official);

// Settings have their defaults (MakeMethod in method_registry.h fills them in).
absl::StatusOr<std::unique_ptr<Method>> MakeLejepa(const v1::MethodConfig& config,
                                                   const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_LEJEPA_H_
