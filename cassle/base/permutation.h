// A keyed permutation of 0 .. n-1, computed per index: the shuffle of an epoch without a shuffled
// list, so that any position can be asked for by any thread, rank or resumed run.
//
//   KeyedPermutation shuffle(images, MixSeed(seed, epoch));
//   uint64_t image = shuffle(position);
#ifndef CASSLE_BASE_PERMUTATION_H_
#define CASSLE_BASE_PERMUTATION_H_

#include <cstdint>

namespace cassle {

// A six-round Feistel network over the next even power of two, walked until it lands below n (Black
// and Rogaway 2002, "Ciphers with arbitrary finite domains"): under four steps on average.
class KeyedPermutation {
 public:
  KeyedPermutation(uint64_t n, uint64_t key);

  // index < n. Pure; O(1) on average.
  uint64_t operator()(uint64_t index) const;

  // The index that the permutation takes to `value`: the network run backwards. value < n.
  uint64_t Inverse(uint64_t value) const;

 private:
  // One half's key-dependent word in a round.
  uint64_t RoundWord(uint64_t half, uint32_t round) const;

  uint64_t n_;
  uint64_t key_;
  // Bits of each half.
  int half_bits_;
};

}  // namespace cassle

#endif  // CASSLE_BASE_PERMUTATION_H_
