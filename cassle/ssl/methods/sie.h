// SIE, split invariant equivariant representations (Garrido, Najman & LeCun 2023,
// arXiv:2302.10283): the first features are to be the same for both views, as in VICReg; from the
// last ones of view 1 those of view 2 are predicted, by how the augmentations differ. So these keep
// what was done to a view, and those need not.
//
//   y_v          = backbone(view v) = [i_v, e_v]           [B, F], e_v the last E columns
//   z_v          = [projector(i_v), equivariant_projector(e_v)] = [a_v, b_v]       [B, P]
//   g            = [1, view 2 relative to view 1]          [B, T]
//   prediction   = sum_t g_t W_t b_1                       [B, Q], Q the width of b
//   loss           SieLoss (sie_objectives.h)
//
// As in the authors' code: E is half of F, both projectors are VICReg's, 2048 wide, divided as the
// features are; the predictor is one matrix that a linear hypernetwork makes, without bias and
// activation; from view 1 to view 2 only; Adam with a rate of 0.001 for batches of 1024 and weights
// decayed by 0.000001. Their rate is constant (--schedule=constant), and their residual blocks
// start as the identity (--backbone.zero_init_residual=true). The 1 in g is ours: their parameters,
// quaternions, are never 0, while crop and colour of two views that were treated alike differ by 0,
// and so would a matrix that is linear in that alone be.
//
// The sum is computed as one linear layer [T Q -> Q] on the products g_t b_1: O(B T Q^2) time and
// O(B T Q) memory, where a matrix for every row, as a GeneratedMlp makes them, would take O(B Q^2).
// At Q 1024, B 1024 and T 14 that is 59 MB instead of 4.3 GB.
//
// The projector, which is saved and conditioned, is the invariant one; it reads the first F - E
// features. On several ranks each computes the equivariant projector and the predictor of all rows.
#ifndef CASSLE_SSL_METHODS_SIE_H_
#define CASSLE_SSL_METHODS_SIE_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/methods/method.pb.h"

namespace cassle {

Recipe SieRecipe(bool official);

// Settings have their defaults (MakeMethod in method_registry.h fills them in). No groups: all of
// setup.relative_groups.
// \error kInvalidArgument if there is nothing to tell the predictor, setup.relative_groups lacks a
// group, or the fraction leaves one of the parts without a column.
absl::StatusOr<std::unique_ptr<Method>> MakeSie(const v1::MethodConfig& config,
                                                const MethodSetup& setup);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_SIE_H_
