#include "cassle/probes/splits/torch_random.h"

#include <numeric>
#include <random>
#include <utility>

namespace cassle {

std::vector<int64_t> TorchRandperm(int64_t n, uint32_t seed) {
  // ATen's engine is the Mersenne twister of the standard, seeded alike.
  std::mt19937 engine(seed);
  std::vector<int64_t> permutation(n);
  std::iota(permutation.begin(), permutation.end(), int64_t{0});
  for (int64_t i = 0; i + 1 < n; ++i) {
    std::swap(permutation[i], permutation[i + engine() % static_cast<uint64_t>(n - i)]);
  }
  return permutation;
}

}  // namespace cassle
