// What a contact sheet shows, by its pixels.
#include "cassle/augment/pictures/contact_sheet.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include "cassle/augment/policies/policy.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

// A gray source, and gray views of all of it.
ContactSheetRow Row(int height, int width, int views) {
  ContactSheetRow row;
  row.key = "gray";
  row.source.Resize(height, width);
  std::fill(row.source.pixels.begin(), row.source.pixels.end(), 128);
  v1::ViewRecord record;
  record.set_source_height(height);
  record.set_source_width(width);
  record.mutable_crop()->set_height(height);
  record.mutable_crop()->set_width(width);
  row.records.assign(views, record);
  row.views.resize(views);
  for (RgbImage& view : row.views) {
    view.Resize(32, 32);
    std::fill(view.pixels.begin(), view.pixels.end(), 128);
  }
  return row;
}

RgbImage Draw(const v1::Policy& policy, const ContactSheetRow& row,
              const std::string& title = "a sheet") {
  const absl::StatusOr<RgbImage> sheet = DrawContactSheet(title, policy, {row});
  EXPECT_OK(sheet);
  return sheet.ok() ? *sheet : RgbImage();
}

// The middle of the rows that have the colour of view 0 where the source is.
double MiddleOfFrame(const RgbImage& sheet) {
  std::vector<int> rows;
  for (int y = 0; y < sheet.height; ++y) {
    for (int x = 0; x < 250; ++x) {
      const uint8_t* pixel = sheet.At(y, x);
      if (pixel[0] == 213 && pixel[1] == 94 && pixel[2] == 0) rows.push_back(y);
    }
  }
  EXPECT_FALSE(rows.empty());
  return rows.empty() ? 0 : (rows.front() + rows.back()) / 2.0;
}

TEST(ContactSheetTest, AnEmptyViewIsRefused) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy("cifar"));
  ContactSheetRow row;
  row.records.resize(1);
  row.views.resize(1);
  EXPECT_THAT(DrawContactSheet("empty", policy, {row}),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("without pixels")));
}

TEST(ContactSheetTest, FramesOfNarrowImagesAreInPlace) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy("cifar"));
  ContactSheetRow row = Row(2000, 3, 1);
  const double whole = MiddleOfFrame(Draw(policy, row));
  row.records[0].mutable_crop()->set_top(997);
  row.records[0].mutable_crop()->set_height(6);
  EXPECT_NEAR(MiddleOfFrame(Draw(policy, row)), whole, 2);
}

TEST(ContactSheetTest, ALongTitleTakesTwoLines) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy("cifar"));
  const ContactSheetRow row = Row(32, 32, 1);
  const RgbImage one = Draw(policy, row, "cifar: 32 px, seed 0");
  const RgbImage two = Draw(policy, row, "a_name_of_a_policy: 32 px, seed 0");
  EXPECT_EQ(two.width, one.width);
  EXPECT_GT(two.height, one.height);
}

// Between two colours, as in WCAG 2.
double Contrast(const uint8_t* a, const uint8_t* b) {
  const auto luminance = [](const uint8_t* color) {
    double light[3];
    for (int k = 0; k < 3; ++k) light[k] = std::pow(color[k] / 255.0, 2.2);
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
  };
  const double x = luminance(a), y = luminance(b);
  return (std::max(x, y) + 0.05) / (std::min(x, y) + 0.05);
}

TEST(ContactSheetTest, CaptionsAreReadableAlsoOfWhatIsNotApplied) {
  ASSERT_OK_AND_ASSIGN(const v1::Policy policy, LoadPolicy("cifar"));
  const RgbImage sheet = Draw(policy, Row(32, 32, 8));
  // The labels below the last views: of their width, half a cell, no bar begins.
  const int first_label = sheet.height - 2 * 28 - 60;
  int letters = 0;
  for (int y = first_label; y < sheet.height; ++y) {
    for (int x = 28; x < sheet.width; ++x) {
      const uint8_t *pixel = sheet.At(y, x), *paper = sheet.At(0, 0);
      // Gray: letters and the tracks of the bars, of which these are nearly white.
      if (std::abs(pixel[0] - pixel[2]) > 8 || pixel[0] > 225) continue;
      EXPECT_GE(Contrast(pixel, paper), 4.5) << int(pixel[0]);
      ++letters;
    }
  }
  EXPECT_GT(letters, 100);
}

TEST(ContactSheetTest, AGroupThatIsUsedInPartIsSaid) {
  ASSERT_OK_AND_ASSIGN(v1::Policy policy, LoadPolicy("cifar"));
  const ContactSheetRow row = Row(32, 32, 2);
  v1::ViewGroup* group = policy.add_views();
  group->set_count(2);
  const RgbImage whole = Draw(policy, row);
  group->set_count(4);
  const RgbImage part = Draw(policy, row);
  EXPECT_EQ(part.height, whole.height);
  EXPECT_EQ(part.pixels, whole.pixels);
}

}  // namespace
}  // namespace cassle
