// NNCLR (Dwibedi et al. 2021, "With a little help from my friends", arXiv:2104.14548): SimCLR whose
// positive is not the other view but the nearest neighbour that the other view has in a support
// queue of earlier projections (equations 3 and 4, NnclrLoss in neighbor_objectives.h); the other
// side is a predictor's. Symmetric; negatives are the other images of the batch.
//
// As in the paper: a projector of three layers, all with batch norm, a predictor of two, a queue
// that takes the normalised projections of view 1 after every step; LARS with a rate of 0.3 per 256
// images, ten epochs of warm-up, weights decayed by 0.000001. The queue starts from Gaussian rows
// (key_queue.h), so that the neighbours of the first steps say nothing. Each view goes through the
// networks by itself.
#ifndef CASSLE_SSL_METHODS_NNCLR_H_
#define CASSLE_SSL_METHODS_NNCLR_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/methods/method.pb.h"

namespace cassle {

Recipe NnclrRecipe(bool official);

// Settings have their defaults (MakeMethod in method_registry.h fills them in).
// \error kInvalidArgument for a queue size that is no multiple of the batch size, with the nearest
// sizes that are; for a single image at a time, which has no negatives.
absl::StatusOr<std::unique_ptr<Method>> MakeNnclr(const v1::MethodConfig& config,
                                                  const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_NNCLR_H_
