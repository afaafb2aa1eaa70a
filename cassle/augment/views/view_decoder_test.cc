#include "cassle/augment/views/view_decoder.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "cassle/augment/policies/policy.h"
#include "cassle/augment/views/apply.h"
#include "cassle/augment/views/sample.h"
#include "cassle/base/testing/status_matchers.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

RgbImage Source(int height, int width) {
  RgbImage image;
  image.Resize(height, width);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        image.At(y, x)[c] =
            static_cast<uint8_t>(128 + 60 * std::sin(x / 7.0 + c) + 60 * std::cos(y / 6.0 - c));
      }
    }
  }
  return image;
}

v1::ImageRecord Image(v1::ImageFormat format) {
  const RgbImage source = Source(190, 250);
  v1::ImageRecord image;
  image.set_id(3);
  image.set_key("ramp");
  image.set_format(format);
  image.set_height(source.height);
  image.set_width(source.width);
  const auto encoded = EncodeImage(source, format, 90);
  EXPECT_OK(encoded);
  image.set_encoded(encoded.value_or(""));
  return image;
}

v1::Policy SmallViews(v1::Decode decode) {
  auto policy = LoadPolicy("cifar");
  EXPECT_OK(policy);
  policy->mutable_crop()->set_scale_min(0.01);
  policy->set_decode(decode);
  EXPECT_OK(CheckPolicy(*policy));
  return *policy;
}

std::vector<v1::ViewRecord> Draw(const v1::Policy& policy, const v1::ImageRecord& image, int n) {
  std::vector<v1::ViewRecord> records;
  for (int view = 0; view < n; ++view) {
    records.push_back(SampleView(policy, {1, 0, image.id(), static_cast<uint32_t>(view)},
                                 image.height(), image.width()));
  }
  return records;
}

TEST(ViewDecoderTest, ExactViewsAreThoseOfTheWholeImage) {
  for (v1::ImageFormat format : {v1::JPEG, v1::PNG, v1::RAW_RGB8}) {
    const v1::ImageRecord image = Image(format);
    RgbImage whole;
    ASSERT_OK(DecodeImage(image.encoded(), format, image.height(), image.width(), &whole));
    std::vector<v1::ViewRecord> records = Draw(SmallViews(v1::EXACT), image, 40);
    ViewDecoder decoder;
    Canvas canvas;
    for (size_t first = 0; first < records.size(); first += 2) {
      ASSERT_OK(decoder.Decode(image, absl::MakeSpan(records).subspan(first, 2)));
      for (int view = 0; view < 2; ++view) {
        EXPECT_EQ(records[first + view].fast_denominator(), 0);
        RgbImage expected, found;
        ASSERT_OK(ApplyView(whole, &records[first + view], &canvas, &expected));
        ASSERT_OK(ApplyView(decoder.source(view), &records[first + view], &canvas, &found));
        EXPECT_EQ(found, expected);
      }
    }
  }
}

TEST(ViewDecoderTest, FastViewsAreNearTheExactOnesWhateverIsDecodedWithThem) {
  const v1::ImageRecord image = Image(v1::JPEG);
  RgbImage whole;
  ASSERT_OK(DecodeImage(image.encoded(), v1::JPEG, image.height(), image.width(), &whole));
  std::vector<v1::ViewRecord> records = Draw(SmallViews(v1::FAST), image, 60);
  ViewDecoder together, alone;
  ASSERT_OK(together.Decode(image, records));
  Canvas canvas;
  int scaled = 0;
  for (size_t view = 0; view < records.size(); ++view) {
    v1::ViewRecord& record = records[view];
    const int denominator = record.fast_denominator();
    const int side = std::min(record.crop().height(), record.crop().width());
    EXPECT_TRUE(denominator == 1 || side >= denominator * 32) << side;
    EXPECT_TRUE(denominator == 8 || side < 2 * denominator * 32) << side;
    scaled += denominator > 1;
    EXPECT_EQ(together.source(view).denominator, denominator);
    ASSERT_OK(alone.Decode(image, {&record, 1}));
    RgbImage expected, found, exact;
    ASSERT_OK(ApplyView(together.source(view), &record, &canvas, &expected));
    ASSERT_OK(ApplyView(alone.source(0), &record, &canvas, &found));
    EXPECT_EQ(found, expected);
    ASSERT_OK(ApplyView(whole, &record, &canvas, &exact));
    double difference = 0;
    for (size_t i = 0; i < exact.pixels.size(); ++i) {
      difference += std::abs(exact.pixels[i] - found.pixels[i]);
    }
    // Scaled down, a wrong offset of one pixel of the fast image would be ten levels.
    EXPECT_LT(difference / exact.pixels.size(), 2.5) << "at 1/" << denominator;
  }
  EXPECT_GT(scaled, 20);
}

TEST(ViewDecoderTest, PngIsExactWhateverThePolicySays) {
  const v1::ImageRecord image = Image(v1::PNG);
  const RgbImage whole = Source(190, 250);
  std::vector<v1::ViewRecord> records = Draw(SmallViews(v1::FAST), image, 10);
  ViewDecoder decoder;
  ASSERT_OK(decoder.Decode(image, records));
  Canvas canvas;
  for (int view = 0; view < 10; ++view) {
    RgbImage expected, found;
    ASSERT_OK(ApplyView(whole, &records[view], &canvas, &expected));
    ASSERT_OK(ApplyView(decoder.source(view), &records[view], &canvas, &found));
    EXPECT_EQ(found, expected);
  }
}

TEST(ViewDecoderTest, ViewsOfAnotherImageAndDamageAreNamed) {
  v1::ImageRecord image = Image(v1::JPEG);
  std::vector<v1::ViewRecord> records = Draw(SmallViews(v1::EXACT), image, 1);
  ViewDecoder decoder;
  v1::ViewRecord record = records[0];
  record.set_source_width(251);
  EXPECT_THAT(decoder.Decode(image, {&record, 1}),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("view 0 of image 3"), HasSubstr("251x190"))));
  record = records[0];
  record.mutable_crop()->set_left(250);
  EXPECT_THAT(decoder.Decode(image, {&record, 1}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("does not lie inside")));
  record = records[0];
  record.set_fast_denominator(5);
  EXPECT_THAT(decoder.Decode(image, {&record, 1}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("1/5")));
  v1::ImageRecord huge = image;
  huge.set_height(3000000000u);
  record = records[0];
  record.set_source_height(huge.height());
  EXPECT_THAT(decoder.Decode(huge, {&record, 1}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("250x3000000000 pixels")));
  image.mutable_encoded()->resize(image.encoded().size() / 4);
  record = records[0];
  record.mutable_crop()->set_top(0);
  record.mutable_crop()->set_height(190);
  EXPECT_THAT(decoder.Decode(image, {&record, 1}),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("image 3 (ramp)")));
}

}  // namespace
}  // namespace cassle
