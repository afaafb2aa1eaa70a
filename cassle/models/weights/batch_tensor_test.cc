#include "cassle/models/weights/batch_tensor.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(PixelNormalizerTest, EqualsTorchvisionsNormalizeOfAnyImageOfABatch) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file, OpenGolden("aug_eval_transform.safetensors"));
  // STL-10's, which the README of the golden files names.
  const PixelNormalizer normalizer({0.43, 0.42, 0.39}, {0.27, 0.26, 0.27});
  int compared = 0;
  for (const std::string& name : file.names()) {
    if (!absl::EndsWith(name, ".norm")) continue;
    SCOPED_TRACE(name);
    ASSERT_OK_AND_ASSIGN(const TensorView expected, file.Get(name, DType::kF32, 3));
    ASSERT_OK_AND_ASSIGN(
        const TensorView image,
        file.Get(absl::StrCat(absl::StripSuffix(name, ".norm"), ".y"), DType::kU8, 3));
    const int64_t side = image.shape[0];
    ASSERT_EQ(image.shape[1], side);
    const auto bytes = image.values<uint8_t>();
    // Behind an image of zeros.
    std::vector<uint8_t> pixels(bytes.size(), 0);
    pixels.insert(pixels.end(), bytes.begin(), bytes.end());
    const at::Tensor batch = normalizer.Normalize(pixels, 2, side).contiguous();
    ASSERT_EQ(batch.numel(), 2 * expected.num_elements());
    const float* found = batch.data_ptr<float>() + expected.num_elements();
    for (int64_t i = 0; i < expected.num_elements(); ++i) {
      // Single roundings of numbers below 4.
      ASSERT_NEAR(found[i], expected.values<float>()[i], 1e-6) << i;
    }
    ++compared;
  }
  EXPECT_GT(compared, 0);
}

}  // namespace
}  // namespace cassle
