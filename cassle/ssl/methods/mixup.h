// mixup (Zhang et al. 2018, arXiv:1710.09412): images, and what is asked of them, are mixed two by
// two.
//
// Partners are neighbours in the batch, rows 2k and 2k + 1: batches are shuffled, so any pairs are
// random ones. Each row is mixed with its partner,
//   x_i <- l x_i + (1 - l) x_j,    loss_i = l CE(y_i) + (1 - l) CE(y_j),    l ~ Beta(alpha, alpha)
// with an l of its own for every pair (the authors have one for a whole batch), which is a function
// of seed, step and pair: neither threads nor ranks nor interruptions change it.
#ifndef CASSLE_SSL_METHODS_MIXUP_H_
#define CASSLE_SSL_METHODS_MIXUP_H_

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace cassle {

// l of rows first .. first + rows - 1 of a batch, [rows] float32. first and rows must be even.
//   alpha  > 0; 1 is uniform, smaller ones stay near 0 and 1.
//   view   Which view of the images: each is mixed with an l of its own.
at::Tensor MixupShares(double alpha, uint64_t seed, int64_t step, int view, int64_t first,
                       int64_t rows);

// Every row's partner: rows 1, 0, 3, 2, ... of [B, ...]; B must be even.
at::Tensor PartnersOf(const at::Tensor& rows);

// images [B, 3, S, S], shares [B] -> what is above, channels-last.
at::Tensor MixWithPartners(const at::Tensor& images, const at::Tensor& shares);

// The mean of loss_i over the rows of logits [B, K], labels [B] int64, shares [B].
//   label_smoothing  As at::cross_entropy_loss has it.
at::Tensor MixupCrossEntropy(const at::Tensor& logits, const at::Tensor& labels,
                             const at::Tensor& shares, double label_smoothing);

}  // namespace cassle

#endif  // CASSLE_SSL_METHODS_MIXUP_H_
