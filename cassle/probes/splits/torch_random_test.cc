// Expected numbers: PyTorch 1.13.1, torch.randperm(n, generator=torch.Generator().manual_seed(s)).
#include "cassle/probes/splits/torch_random.h"

#include <algorithm>
#include <numeric>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/probes/splits/authors_splits.h"
#include "cassle/probes/splits/validation_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// sum of value * (index + 1), modulo 1000003.
int64_t Checksum(const std::vector<int64_t>& permutation) {
  int64_t sum = 0;
  for (size_t i = 0; i < permutation.size(); ++i) sum += permutation[i] * (i + 1);
  return sum % 1000003;
}

TEST(TorchRandpermTest, EqualsPyTorch) {
  EXPECT_THAT(TorchRandperm(10, 0), ElementsAre(4, 1, 7, 5, 3, 9, 0, 8, 6, 2));
  EXPECT_THAT(TorchRandperm(10, 43), ElementsAre(8, 4, 9, 0, 5, 1, 6, 7, 2, 3));
  EXPECT_THAT(TorchRandperm(5, 42), ElementsAre(2, 4, 3, 0, 1));
  EXPECT_EQ(Checksum(TorchRandperm(1000, 0)), 166596);
  const std::vector<int64_t> cifar = TorchRandperm(50000, 43);
  EXPECT_EQ(cifar[0], 5588);
  EXPECT_EQ(cifar[49999], 49955);
  EXPECT_EQ(Checksum(cifar), 927273);
  EXPECT_THAT(TorchRandperm(0, 1), IsEmpty());
}

TEST(AuthorsSplitTest, OfCifar10SetsAsideTheLastOfThePermutation) {
  ASSERT_OK_AND_ASSIGN(const AuthorsSplit authors, FindAuthorsSplit("cifar10", 50000));
  ASSERT_OK_AND_ASSIGN(const ValidationSplit split,
                       SplitAsTorch(authors.rows, authors.val_rows, authors.seed));
  EXPECT_EQ(split.train.size(), 45000u);
  EXPECT_EQ(split.val.size(), 5000u);
  // Ends of the permutation: its first images are learnt from, its last ones choose.
  for (int64_t row : {5588, 45689, 25537}) {
    EXPECT_TRUE(std::binary_search(split.train.begin(), split.train.end(), row));
  }
  for (int64_t row : {11924, 15545, 49955}) {
    EXPECT_TRUE(std::binary_search(split.val.begin(), split.val.end(), row));
  }
}

TEST(AuthorsSplitTest, EveryOneIsAPartition) {
  for (const AuthorsSplit& authors : AuthorsSplits()) {
    SCOPED_TRACE(authors.dataset);
    ASSERT_OK_AND_ASSIGN(const ValidationSplit split,
                         SplitAsTorch(authors.rows, authors.val_rows, authors.seed));
    EXPECT_EQ(static_cast<int64_t>(split.val.size()), authors.val_rows);
    std::vector<int64_t> all = split.train;
    all.insert(all.end(), split.val.begin(), split.val.end());
    std::sort(all.begin(), all.end());
    std::vector<int64_t> expected(authors.rows);
    std::iota(expected.begin(), expected.end(), int64_t{0});
    EXPECT_EQ(all, expected);
  }
}

}  // namespace
}  // namespace cassle
