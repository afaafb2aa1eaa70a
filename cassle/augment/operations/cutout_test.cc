#include "cassle/augment/operations/cutout.h"

#include "cassle/augment/views/apply.h"
#include "cassle/augment/views/sample.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

v1::Policy CutoutPolicy() {
  v1::Policy policy;
  policy.set_size(40);
  policy.mutable_cutout()->set_probability(1);
  policy.mutable_cutout()->set_scale_min(0.1);
  policy.mutable_cutout()->set_scale_max(0.3);
  policy.mutable_cutout()->set_ratio_min(0.5);
  policy.mutable_cutout()->set_ratio_max(2);
  for (double mean : {0.2, 0.4, 0.6}) policy.add_mean(mean);
  return policy;
}

TEST(CutoutTest, ExactlyTheBoxBecomesTheColour) {
  FloatImage image;
  image.Resize(10, 10);
  std::fill(image.values.begin(), image.values.end(), 0.9f);
  v1::CropParameters box;
  box.set_top(2);
  box.set_left(7);
  box.set_height(4);
  box.set_width(3);
  EraseBox(box, {0.1f, 0.2f, 0.3f}, &image);
  for (int c = 0; c < 3; ++c) {
    for (int y = 0; y < 10; ++y) {
      for (int x = 0; x < 10; ++x) {
        const bool inside = y >= 2 && y < 6 && x >= 7;
        EXPECT_EQ(image.plane(c)[10 * y + x], inside ? 0.1f * (c + 1) : 0.9f) << y << "," << x;
      }
    }
  }
}

TEST(CutoutTest, BoxesHaveTheirAreaAndRatioAndTheMeansColour) {
  const v1::Policy policy = CutoutPolicy();
  double area = 0;
  constexpr int kDraws = 2000;
  for (uint64_t id = 0; id < kDraws; ++id) {
    const v1::ViewRecord record = SampleView(policy, {7, 0, id, 0}, 50, 60);
    ASSERT_TRUE(record.has_cutout());
    const v1::CropParameters& box = record.cutout().box();
    EXPECT_LE(box.top() + box.height(), 40u);
    EXPECT_LE(box.left() + box.width(), 40u);
    area += box.height() * box.width() / 1600.0 / kDraws;
    // Rounding to pixels moves a side by half a pixel.
    EXPECT_LE(box.width() - 0.5, 2 * (box.height() + 0.5));
    EXPECT_LE(box.height() - 0.5, 2 * (box.width() + 0.5));
    EXPECT_THAT(record.cutout().fill(), ElementsAre(0.2f, 0.4f, 0.6f));
  }
  // Uniform in [0.1, 0.3]: five standard deviations of the mean are 5 * 0.0577 / sqrt(2000).
  EXPECT_NEAR(area, 0.2, 0.0065);
}

TEST(CutoutTest, DescriptorIsTheBoxInFractionsOfTheView) {
  v1::ViewRecord record;
  record.set_size(40);
  v1::CropParameters* box = record.mutable_cutout()->mutable_box();
  box->set_top(10);
  box->set_left(20);
  box->set_height(8);
  box->set_width(4);
  record.set_flipped(true);  // the box is drawn on the finished view
  std::vector<float> values(4);
  CutoutOperation().groups[0].describe(CutoutPolicy(), record, values.data());
  EXPECT_THAT(values, ElementsAre(0.35f, 0.55f, 0.2f, 0.1f));
}

TEST(CutoutTest, BoxesOutsideTheViewAreRefused) {
  RgbImage source, view;
  source.Resize(50, 60);
  v1::ViewRecord record = SampleView(CutoutPolicy(), {7, 0, 1, 0}, 50, 60);
  ASSERT_OK(ApplyView(source, &record, &view));
  record.mutable_cutout()->mutable_box()->set_left(0xffffffff);
  EXPECT_THAT(ApplyView(source, &record, &view),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("does not fit a view of 40")));
  record.mutable_cutout()->mutable_box()->set_left(0);
  record.mutable_cutout()->clear_fill();
  EXPECT_THAT(ApplyView(source, &record, &view),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("0 colour values")));
}

}  // namespace
}  // namespace cassle
