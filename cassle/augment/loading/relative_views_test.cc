// The loader's descriptors of the first two views relative to each other.
#include "cassle/augment/loading/view_loader.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/testing/test_images.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

TEST(RelativeViewsTest, RelativeDescriptorsCompareTheFirstTwoViews) {
  ViewLoaderOptions options;
  ASSERT_OK_AND_ASSIGN(options.images,
                       Dataset::Open(MakeTestDataset("relative", TestImageRecords(9))));
  ASSERT_OK_AND_ASSIGN(options.policy, LoadPolicy("cifar"));
  options.groups = options.relative_groups = {"flip", "color"};  // color 4, flip 1
  options.batch_size = 9;
  ASSERT_OK_AND_ASSIGN(const auto loader, ViewLoader::Create(options));
  ASSERT_OK_AND_ASSIGN(const auto batch, loader->Next());
  ASSERT_EQ(batch->relative.size(), 2u);
  ASSERT_EQ(batch->relative[0].size(), 5u * 9);
  for (int i = 0; i < 5 * 9; ++i) {
    const float first = batch->descriptors[0][i], second = batch->descriptors[1][i];
    const float agree = first == second ? 1 : 0;
    EXPECT_EQ(batch->relative[0][i], i % 5 == 4 ? agree : first - second);
    EXPECT_EQ(batch->relative[1][i], i % 5 == 4 ? agree : second - first);
  }
  options.views = 1;
  EXPECT_THAT(ViewLoader::Create(options).status(),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("need 2 views")));
}

}  // namespace
}  // namespace cassle
