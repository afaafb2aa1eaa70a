// Objectives of AugSelf (Lee et al. 2021, section 3, arXiv:2111.09613): how well a head tells from
// the features of two views what was done differently to them.
//
// Free functions without state or randomness, computed in float32 by the caller's choice. Each
// throws c10::Error if shapes disagree.
#ifndef CASSLE_SSL_OBJECTIVES_AUGSELF_OBJECTIVES_H_
#define CASSLE_SSL_OBJECTIVES_AUGSELF_OBJECTIVES_H_

#include <ATen/core/Tensor.h>

namespace cassle {

// Crop, color, blur, solarize.
//   predictions  [N, D] float; tanh brings them to (-1, 1).
//   differences  [N, D] float, value of one view minus that of the other.
// Returns a scalar, the mean over all N D values of (tanh(prediction) - difference)^2.
at::Tensor DifferenceLoss(const at::Tensor& predictions, const at::Tensor& differences);

// The same of [N, 1] tensors as the authors' code has it for solarize: every prediction meets every
// difference, whichever image it belongs to. The mean over N N values. Only to repeat their runs.
at::Tensor BroadcastDifferenceLoss(const at::Tensor& predictions, const at::Tensor& differences);

// Flip.
//   logits  [N, 1] float, of agreement.
//   agree   [N, 1] float, 1 if both views were flipped or none was, else 0.
// Returns a scalar, the mean binary cross entropy in nats; log(2) if all logits are 0.
at::Tensor AgreementLoss(const at::Tensor& logits, const at::Tensor& agree);

// Rotation.
//   logits         [N, 4] float.
//   quarter_turns  [N, 1] float, those of one view minus those of the other, modulo 4.
// Returns a scalar, the mean cross entropy in nats; log(4) if all logits are equal.
at::Tensor QuarterTurnLoss(const at::Tensor& logits, const at::Tensor& quarter_turns);

}  // namespace cassle

#endif  // CASSLE_SSL_OBJECTIVES_AUGSELF_OBJECTIVES_H_
