// What a contact sheet shows, by its pixels.
#include "cassle/augment/pictures/contact_sheet.h"

#include <algorithm>
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

RgbImage Draw(const v1::Policy& policy, const ContactSheetRow& row) {
  const absl::StatusOr<RgbImage> sheet = DrawContactSheet("a sheet", policy, {row});
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
