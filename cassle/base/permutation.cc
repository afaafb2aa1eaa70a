#include "cassle/base/permutation.h"

#include <array>

#include "cassle/base/philox.h"

namespace cassle {
namespace {

constexpr uint32_t kRounds = 6;

}  // namespace

KeyedPermutation::KeyedPermutation(uint64_t n, uint64_t key) : n_(n), key_(key), half_bits_(1) {
  while (half_bits_ < 32 && (uint64_t{1} << (2 * half_bits_)) < n) ++half_bits_;
}

uint64_t KeyedPermutation::RoundWord(uint64_t half, uint32_t round) const {
  const std::array<uint32_t, 4> block =
      Philox::Block({static_cast<uint32_t>(half), round, 0, 0x70657264u},
                    {static_cast<uint32_t>(key_), static_cast<uint32_t>(key_ >> 32)});
  return block[0] & ((uint64_t{1} << half_bits_) - 1);
}

uint64_t KeyedPermutation::operator()(uint64_t index) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  do {
    uint64_t left = index >> half_bits_;
    uint64_t right = index & mask;
    for (uint32_t round = 0; round < kRounds; ++round) {
      const uint64_t next = left ^ RoundWord(right, round);
      left = right;
      right = next;
    }
    index = (left << half_bits_) | right;
  } while (index >= n_);
  return index;
}

uint64_t KeyedPermutation::Inverse(uint64_t value) const {
  const uint64_t mask = (uint64_t{1} << half_bits_) - 1;
  do {
    uint64_t left = value >> half_bits_;
    uint64_t right = value & mask;
    for (uint32_t round = kRounds; round-- > 0;) {
      const uint64_t before = right ^ RoundWord(left, round);
      right = left;
      left = before;
    }
    value = (left << half_bits_) | right;
  } while (value >= n_);
  return value;
}

}  // namespace cassle
