#include "cassle/models/weights/model_folder.h"

#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/networks/model.pb.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

TEST(CheckModelSpecTest, PixelsStayFinite) {
  v1::ModelSpec spec;
  spec.mutable_backbone()->set_architecture("resnet18");
  spec.set_image_size(32);
  for (int channel = 0; channel < 3; ++channel) {
    spec.add_mean(0.5);
    spec.add_std(1e-6);
  }
  EXPECT_OK(CheckModelSpec(spec));
  // Its reciprocal is no float, and features would be no numbers.
  spec.set_std(1, 1e-300);
  EXPECT_THAT(CheckModelSpec(spec),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("channel 1 is 0.5 and 1e-300; std must be at least 1e-06")));
}

}  // namespace
}  // namespace cassle
