#include "cassle/augment/testing/golden_images.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "gtest/gtest-spi.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(MaxDifferenceTest, IsTheLargestAndInfiniteWhereANumberIsMissing) {
  FloatImage a;
  a.Resize(2, 2);
  std::fill(a.values.begin(), a.values.end(), 0.5f);
  FloatImage b = a;
  EXPECT_EQ(MaxDifference(a, b), 0);
  b.values[5] = 0.75f;
  EXPECT_EQ(MaxDifference(a, b), 0.25);
  // The first pixel, so that others follow.
  b.values[0] = NAN;
  EXPECT_TRUE(std::isinf(MaxDifference(a, b)));
  EXPECT_TRUE(std::isinf(MaxDifference(b, a)));
  b.Resize(1, 4);
  EXPECT_TRUE(std::isinf(MaxDifference(a, b)));
}

TEST(GoldenValuesTest, AMissingTensorIsNamedInOneLine) {
  EXPECT_NONFATAL_FAILURE(
      EXPECT_THROW(GoldenValues(SafetensorsFile(), "gray.mask"), std::runtime_error),
      "has no tensor \"gray.mask\"");
}

}  // namespace
}  // namespace cassle
