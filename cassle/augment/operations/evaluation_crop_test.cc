#include "cassle/augment/operations/evaluation_crop.h"

#include <utility>

#include "cassle/augment/pixels/evaluation_transform.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/views/apply.h"
#include "cassle/augment/views/sample.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(EvaluationCropTest, ViewIsTheEvaluationTransformWhateverTheKey) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy("evaluation"));
  RgbImage source;
  source.Resize(100, 150);
  for (size_t i = 0; i < source.pixels.size(); ++i) source.pixels[i] = i * i % 251;
  RgbImage expected;
  ASSERT_OK(ResizeShortSideAndCenterCrop(source, 224, 224, Interpolation::kBicubic, &expected));
  for (uint64_t id : {1, 2}) {
    v1::ViewRecord record = SampleView(policy, {id, 3, id, 0}, 100, 150);
    RgbImage view;
    ASSERT_OK(ApplyView(source, &record, &view));
    EXPECT_EQ(view, expected);
    std::vector<float> crop(4);
    EvaluationCropOperation().groups[0].describe(policy, record, crop.data());
    EXPECT_THAT(crop, ElementsAre(0.5f, 0.5f, 1.0f, 100.0f / 150.0f));
  }
}

// As much as encoders are evaluated on, and no less.
TEST(EvaluationCropTest, ThinImagesAreCutAsLongAsTheTransformCanResizeThem) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy("evaluation"));
  RgbImage source;
  source.Resize(1, 30000);
  for (size_t i = 0; i < source.pixels.size(); ++i) source.pixels[i] = i * i % 251;
  RgbImage expected, view;
  ASSERT_OK(ResizeShortSideAndCenterCrop(source, 224, 224, Interpolation::kBicubic, &expected));
  v1::ViewRecord record = SampleView(policy, {0, 0, 0, 0}, 1, 30000);
  ASSERT_OK(ApplyView(source, &record, &view));
  EXPECT_EQ(view, expected);
  for (const auto& [height, width] : {std::pair(1, 20000000), {20000000, 1}}) {
    EXPECT_THAT(CheckRecord(height, width, SampleView(policy, {0, 0, 0, 0}, height, width)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("too long and thin")));
  }
}

TEST(EvaluationCropTest, BoxIsTheMiddleThatIsSeen) {
  ASSERT_OK_AND_ASSIGN(v1::Policy policy, LoadPolicy("evaluation"));
  policy.mutable_evaluation_crop()->set_resize_px(256);
  const v1::ViewRecord record = SampleView(policy, {0, 0, 0, 0}, 512, 600);
  EXPECT_EQ(record.crop().height(), 448u);
  EXPECT_EQ(record.crop().width(), 448u);
  EXPECT_EQ(record.crop().top(), 32u);
  EXPECT_EQ(record.crop().left(), 76u);
}

TEST(EvaluationCropTest, MistakesAreNamed) {
  ASSERT_OK_AND_ASSIGN(v1::Policy policy, LoadPolicy("evaluation"));
  policy.mutable_evaluation_crop()->set_resize_px(200);
  EXPECT_THAT(CheckPolicy(policy), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("evaluation_crop.resize_px is 200")));
  ASSERT_OK_AND_ASSIGN(policy, LoadPolicy("evaluation"));
  ASSERT_OK_AND_ASSIGN(const v1::Policy cropped, LoadPolicy("imagenet"));
  *policy.mutable_crop() = cropped.crop();
  EXPECT_THAT(CheckPolicy(policy), StatusIs(absl::StatusCode::kInvalidArgument,
                                            HasSubstr("evaluation_crop and crop exclude")));
  RgbImage source, view;
  source.Resize(10, 10);
  ASSERT_OK_AND_ASSIGN(policy, LoadPolicy("evaluation"));
  v1::ViewRecord record = SampleView(policy, {0, 0, 0, 0}, 10, 10);
  record.mutable_evaluation_crop()->set_resize_px(5);
  EXPECT_THAT(ApplyView(source, &record, &view),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("evaluation crop")));
}

}  // namespace
}  // namespace cassle
