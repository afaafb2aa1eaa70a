#include "cassle/models/exchange/detect_backbone.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/testing/status_matchers.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

TensorSignature Tensor(const std::string& name, std::vector<int64_t> shape) {
  return {name, DType::kF32, std::move(shape)};
}

// A transformer's tensors, as far as they are looked at.
std::vector<TensorSignature> Vit(int64_t width, int64_t positions, int depth) {
  std::vector<TensorSignature> tensors = {Tensor("patch_embed.proj.weight", {width, 3, 16, 16}),
                                          Tensor("pos_embed", {1, positions, width})};
  for (int i = 0; i < depth; ++i) {
    tensors.push_back(Tensor(absl::StrCat("blocks.", i, ".norm1.weight"), {width}));
  }
  return tensors;
}

TEST(DetectBackboneTest, UnknownNetworksAreDescribed) {
  const auto expect = [](const std::vector<TensorSignature>& tensors, const char* words) {
    EXPECT_THAT(DetectBackbone(tensors), StatusIs(absl::StatusCode::kDataLoss, HasSubstr(words)));
  };
  expect({Tensor("conv1.weight", {64, 3, 5, 5})}, "first convolution is 5x5");
  expect({Tensor("conv1.weight", {64, 3, 7, 7}), Tensor("layer3.0.conv1.weight", {1})},
         "1 basic blocks in its third stage");
  expect(Vit(1024, 197, 24), "width 1024");
  expect(Vit(384, 197, 8), "8 blocks; known are 12");
  expect(Vit(192, 198, 12), "198 positions");
}

}  // namespace
}  // namespace cassle
