#include "cassle/models/networks/drop_path.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <utility>
#include <vector>

#include "cassle/base/philox.h"

namespace cassle {

at::Tensor DropPath::Drop(const at::Tensor& values, int64_t branch, double rate) const {
  const int64_t rows = values.size(0);
  at::Tensor factors = at::empty({rows}, at::kFloat);
  for (int64_t row = 0; row < rows; ++row) {
    Philox random(StreamKey{.seed = seed_,
                            .domain = RandomDomain::kDropPath,
                            .index = static_cast<uint64_t>(step_),
                            .epoch = static_cast<uint32_t>(branch),
                            .view = static_cast<uint32_t>(first_row_ + row)});
    factors.data_ptr<float>()[row] =
        random.Bernoulli(rate) ? 0 : static_cast<float>(1 / (1 - rate));
  }
  std::vector<int64_t> sizes(values.dim(), 1);
  sizes[0] = rows;
  return values * factors.view(sizes).to(values.options());
}

DroppedBranch::DroppedBranch(std::shared_ptr<const DropPath> drop_path, int64_t block,
                             int64_t blocks, int64_t which)
    : drop_path_(std::move(drop_path)),
      branch_(2 * block + which),
      rate_(blocks < 2 ? 0
                       : drop_path_->rate() * static_cast<double>(block) /
                             static_cast<double>(blocks - 1)) {}

at::Tensor DroppedBranch::Apply(const at::Tensor& values, bool training) const {
  return training && drops() ? drop_path_->Drop(values, branch_, rate_) : values;
}

}  // namespace cassle
