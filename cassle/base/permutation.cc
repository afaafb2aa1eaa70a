#include "cassle/base/permutation.h"

#include <array>

#include "cassle/base/philox.h"

namespace cassle {

KeyedPermutation::KeyedPermutation(uint64_t n, uint64_t key) : n_(n), key_(key), half_bits_(1) {
  while (half_bits_ < 32 && (uint64_t{1} << (2 * half_bits_)) < n) ++half_bits_;
}

uint64_t KeyedPermutation::operator()(uint64_t index) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  do {
    uint64_t left = index >> half_bits_;
    uint64_t right = index & mask;
    for (uint32_t round = 0; round < 6; ++round) {
      const std::array<uint32_t, 4> block =
          Philox::Block({static_cast<uint32_t>(right), round, 0, 0x70657264u},
                        {static_cast<uint32_t>(key_), static_cast<uint32_t>(key_ >> 32)});
      const uint64_t next = left ^ (block[0] & mask);
      left = right;
      right = next;
    }
    index = (left << half_bits_) | right;
  } while (index >= n_);
  return index;
}

}  // namespace cassle
