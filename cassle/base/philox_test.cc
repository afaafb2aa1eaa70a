#include "cassle/base/philox.h"

#include <cmath>
#include <set>
#include <vector>

#include "cassle/base/permutation.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;

// Known answers of Random123 1.14 (tests/kat_vectors, philox4x32 10).
TEST(PhiloxTest, BlockEqualsThePublishedVectors) {
  EXPECT_THAT(Philox::Block({0, 0, 0, 0}, {0, 0}),
              ElementsAre(0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u));
  EXPECT_THAT(Philox::Block({~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}),
              ElementsAre(0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu));
  EXPECT_THAT(Philox::Block({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u},
                            {0xa4093822u, 0x299f31d0u}),
              ElementsAre(0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u));
}

TEST(PhiloxTest, EqualKeysGiveEqualDrawsAndEveryPartOfTheKeyMatters) {
  const StreamKey key{7, RandomDomain::kCrop, 123456789012345, 3, 1};
  Philox a(key), b(key);
  std::set<uint64_t> first_draws;
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.NextUint64(), b.NextUint64());
  for (StreamKey other :
       {key, StreamKey{8, key.domain, key.index, 3, 1},
        StreamKey{7, RandomDomain::kFlip, key.index, 3, 1},
        StreamKey{7, key.domain, key.index + 1, 3, 1}, StreamKey{7, key.domain, key.index, 4, 1},
        StreamKey{7, key.domain, key.index, 3, 0}}) {
    first_draws.insert(Philox(other).NextUint64());
  }
  EXPECT_EQ(first_draws.size(), 6u);
}

TEST(PhiloxTest, UniformHasTheMomentsOfAUniform) {
  Philox random(StreamKey{1});
  double sum = 0, squares = 0;
  constexpr int kDraws = 200000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.Uniform(-1, 1);
    ASSERT_GE(x, -1);
    ASSERT_LT(x, 1);
    sum += x;
    squares += x * x;
  }
  // Five standard errors: sqrt(1/3/n) and sqrt(4/45/n).
  EXPECT_NEAR(sum / kDraws, 0, 5 * std::sqrt(1.0 / 3 / kDraws));
  EXPECT_NEAR(squares / kDraws, 1.0 / 3, 5 * std::sqrt(4.0 / 45 / kDraws));
}

// One step apart there is one number to draw: sums that round up to `high` are none.
TEST(PhiloxTest, UniformDoesNotRoundUpToItsEnd) {
  Philox random(StreamKey{3});
  const double high = std::nextafter(1.0, 2.0);
  for (int i = 0; i < 100; ++i) ASSERT_EQ(random.Uniform(1, high), 1);
}

TEST(PhiloxTest, GaussianHasMeanZeroAndVarianceOne) {
  Philox random(StreamKey{2});
  double sum = 0, squares = 0;
  constexpr int kDraws = 200000;
  for (int i = 0; i < kDraws; ++i) {
    const double x = random.NextGaussian();
    sum += x;
    squares += x * x;
  }
  EXPECT_NEAR(sum / kDraws, 0, 5 / std::sqrt(kDraws));
  EXPECT_NEAR(squares / kDraws, 1, 5 * std::sqrt(2.0 / kDraws));
}

TEST(PhiloxTest, BelowIsUniformOverItsRange) {
  Philox random(StreamKey{3});
  std::vector<int> counts(7);
  constexpr int kDraws = 70000;
  for (int i = 0; i < kDraws; ++i) ++counts[random.Below(7)];
  double chi_square = 0;
  for (int count : counts) chi_square += (count - 10000.0) * (count - 10000.0) / 10000.0;
  // 6 degrees of freedom: 22.5 is the 99.9 % quantile.
  EXPECT_LT(chi_square, 22.5);
}

TEST(PhiloxTest, BernoulliNeverAtZeroAndAlwaysAtOne) {
  Philox random(StreamKey{4});
  for (int i = 0; i < 1000; ++i) {
    EXPECT_FALSE(random.Bernoulli(0));
    EXPECT_TRUE(random.Bernoulli(1));
  }
}

TEST(KeyedPermutationTest, IsABijectionForEverySize) {
  for (uint64_t n : {1, 2, 3, 4, 5, 16, 17, 1000, 4097}) {
    const KeyedPermutation permutation(n, 99);
    std::set<uint64_t> images;
    for (uint64_t i = 0; i < n; ++i) {
      EXPECT_LT(permutation(i), n);
      images.insert(permutation(i));
    }
    EXPECT_EQ(images.size(), n);
  }
}

TEST(KeyedPermutationTest, InverseLeadsBack) {
  for (uint64_t n : {1u, 2u, 3u, 5u, 100u, 257u, 1025u}) {
    const KeyedPermutation permutation(n, 17);
    for (uint64_t i = 0; i < n; ++i) EXPECT_EQ(permutation.Inverse(permutation(i)), i);
  }
  const KeyedPermutation large(uint64_t{1} << 40, 3);
  for (uint64_t i : {uint64_t{0}, uint64_t{12345678901}, (uint64_t{1} << 40) - 1}) {
    EXPECT_EQ(large.Inverse(large(i)), i);
  }
}

TEST(KeyedPermutationTest, DependsOnTheKeyAndMovesThings) {
  const KeyedPermutation a(1000, 1), b(1000, 2);
  int same = 0, fixed = 0;
  for (uint64_t i = 0; i < 1000; ++i) {
    same += a(i) == b(i);
    fixed += a(i) == i;
  }
  // Both counts are Poisson with mean 1 for random permutations.
  EXPECT_LT(same, 10);
  EXPECT_LT(fixed, 10);
}

}  // namespace
}  // namespace cassle
