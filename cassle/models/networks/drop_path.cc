#include "cassle/models/networks/drop_path.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include <vector>

#include "cassle/base/philox.h"

namespace cassle {
namespace {

// More branches than a block has.
constexpr uint32_t kBranches = 2;

}  // namespace

at::Tensor DropPath::Apply(const at::Tensor& branch, int64_t block, int64_t blocks,
                           int number) const {
  const double probability =
      blocks < 2 ? 0 : rate_ * static_cast<double>(block) / static_cast<double>(blocks - 1);
  if (probability == 0) return branch;
  std::vector<int64_t> sizes(branch.dim(), 1);
  sizes[0] = branch.size(0);
  at::Tensor factors = at::empty(sizes, at::kFloat);
  float* factor = factors.data_ptr<float>();
  for (int64_t row = 0; row < branch.size(0); ++row) {
    Philox random(StreamKey{seed_, RandomDomain::kDropPath, static_cast<uint64_t>(first_row_ + row),
                            static_cast<uint32_t>(step_),
                            static_cast<uint32_t>(block) * kBranches + number});
    factor[row] = random.Bernoulli(probability) ? 0 : static_cast<float>(1 / (1 - probability));
  }
  return branch * factors.to(branch.options());
}

}  // namespace cassle
