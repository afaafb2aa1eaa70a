#include "cassle/ssl/methods/mixup.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/Reduction.h>
#include <ATen/ops/cross_entropy_loss.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include "cassle/base/beta_draw.h"
#include "cassle/base/philox.h"

namespace cassle {
namespace {

// Of every row: [B].
at::Tensor CrossEntropies(const at::Tensor& logits, const at::Tensor& labels,
                          double label_smoothing) {
  return at::cross_entropy_loss(logits, labels, /*weight=*/{}, at::Reduction::None,
                                /*ignore_index=*/-100, label_smoothing);
}

}  // namespace

at::Tensor MixupShares(double alpha, uint64_t seed, int64_t step, int view, int64_t first,
                       int64_t rows) {
  TORCH_CHECK(first % 2 == 0 && rows % 2 == 0, "MixupShares: rows ", first, " to ", first + rows,
              " are not pairs");
  at::Tensor shares = at::empty({rows}, at::kFloat);
  float* share = shares.data_ptr<float>();
  for (int64_t row = 0; row < rows; row += 2) {
    Philox random(StreamKey{.seed = seed,
                            .domain = RandomDomain::kMixup,
                            .index = static_cast<uint64_t>(step),
                            .epoch = static_cast<uint32_t>((first + row) / 2),
                            .view = static_cast<uint32_t>(view)});
    share[row] = share[row + 1] = static_cast<float>(DrawBeta(alpha, alpha, &random));
  }
  return shares;
}

at::Tensor PartnersOf(const at::Tensor& rows) {
  return rows.unflatten(0, {rows.size(0) / 2, 2}).flip(1).flatten(0, 1);
}

at::Tensor MixWithPartners(const at::Tensor& images, const at::Tensor& shares) {
  const at::Tensor own = shares.to(images.options()).view({-1, 1, 1, 1});
  return (images * own + PartnersOf(images) * (1 - own)).contiguous(at::MemoryFormat::ChannelsLast);
}

at::Tensor MixupCrossEntropy(const at::Tensor& logits, const at::Tensor& labels,
                             const at::Tensor& shares, double label_smoothing) {
  const at::Tensor own = shares.to(logits.options());
  return (own * CrossEntropies(logits, labels, label_smoothing) +
          (1 - own) * CrossEntropies(logits, PartnersOf(labels), label_smoothing))
      .mean();
}

}  // namespace cassle
