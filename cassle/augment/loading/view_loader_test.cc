#include "cassle/augment/loading/view_loader.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/loading/view_loader_testutil.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/base/file.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Options = v1::AugmentAndRecordOptions;

std::string Hash(const ViewBatch& batch) {
  Fingerprinter hash;
  hash.UpdateField(
      absl::StrCat(batch.epoch, " ", batch.batch_in_epoch, " ", absl::StrJoin(batch.sizes, ",")));
  const auto add = [&hash](const auto& values) {
    hash.UpdateField(absl::string_view(reinterpret_cast<const char*>(values.data()),
                                       values.size() * sizeof(values[0])));
  };
  for (const auto& pixels : batch.pixels) add(pixels);
  for (const auto& descriptors : batch.descriptors) add(descriptors);
  for (const auto& relative : batch.relative) add(relative);
  add(batch.image_ids);
  add(batch.labels);
  return hash.Hex();
}

// Hashes of all batches in order.
std::vector<std::string> LoadAll(ViewLoaderOptions options) {
  std::vector<std::string> hashes;
  const auto loader = ViewLoader::Create(std::move(options));
  EXPECT_OK(loader);
  if (!loader.ok()) return hashes;
  while (true) {
    const auto batch = (*loader)->Next();
    EXPECT_OK(batch);
    if (!batch.ok() || *batch == nullptr) return hashes;
    hashes.push_back(Hash(**batch));
  }
}

TEST(ViewLoaderTest, EveryEpochShowsDistinctImagesInAnotherOrder) {
  ASSERT_OK_AND_ASSIGN(const auto loader, ViewLoader::Create(OnTheFly()));
  EXPECT_EQ(loader->batches_per_epoch(), kImages / kBatch);
  EXPECT_EQ(loader->descriptor_size(), 13);
  std::vector<std::vector<uint64_t>> orders(kEpochs);
  for (int i = 0; i < kEpochs * (kImages / kBatch); ++i) {
    ASSERT_OK_AND_ASSIGN(const auto batch, loader->Next());
    ASSERT_NE(batch, nullptr);
    EXPECT_EQ(batch->batch_in_epoch, i % (kImages / kBatch));
    EXPECT_EQ(batch->pixels[1].size(), kBatch * 32 * 32 * 3);
    EXPECT_NE(batch->pixels[0], batch->pixels[1]);
    for (int row = 0; row < kBatch; ++row) {
      const uint64_t id = batch->image_ids[row];
      EXPECT_EQ(batch->labels[row], id % 7 == 6 ? -1 : static_cast<int64_t>(id % 3));
      orders[batch->epoch].push_back(id);
    }
  }
  ASSERT_OK_AND_ASSIGN(const auto end, loader->Next());
  EXPECT_EQ(end, nullptr);
  EXPECT_NE(orders[0], orders[1]);
  for (const auto& order : orders) {
    EXPECT_EQ(std::set<uint64_t>(order.begin(), order.end()).size(), order.size());
  }
}

TEST(ViewLoaderTest, RowsOfABatchAreThoseOfTheWholeBatch) {
  ASSERT_OK_AND_ASSIGN(const auto whole, ViewLoader::Create(OnTheFly()));
  ViewLoaderOptions options = OnTheFly();
  options.rows = {1, 4};
  ASSERT_OK_AND_ASSIGN(const auto part, ViewLoader::Create(options));
  EXPECT_EQ(part->batches_per_epoch(), whole->batches_per_epoch());
  for (int i = 0; i < kEpochs * (kImages / kBatch); ++i) {
    ASSERT_OK_AND_ASSIGN(const auto all, whole->Next());
    ASSERT_OK_AND_ASSIGN(const auto some, part->Next());
    ASSERT_EQ(some->batch_size, 2);
    for (size_t k = 0; k < options.rows.size(); ++k) {
      const int64_t row = options.rows[k];
      EXPECT_EQ(some->image_ids[k], all->image_ids[row]);
      EXPECT_EQ(some->labels[k], all->labels[row]);
      const auto rows_equal = [&](const auto& a, const auto& b) {
        const size_t size = b.size() / kBatch;
        return a.size() == 2 * size &&
               std::equal(b.begin() + row * size, b.begin() + (row + 1) * size,
                          a.begin() + k * size);
      };
      for (int view = 0; view < 2; ++view) {
        EXPECT_TRUE(rows_equal(some->pixels[view], all->pixels[view]));
        EXPECT_TRUE(rows_equal(some->descriptors[view], all->descriptors[view]));
      }
    }
  }
  options.rows = {kBatch};
  EXPECT_THAT(StatusOf(options), StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("row 5")));
}

TEST(ViewLoaderTest, AnEpochOfASubsetHasItsImagesOnly) {
  ViewLoaderOptions options = OnTheFly();
  const uint64_t first = options.images->first_id();
  options.subset = {1, 4, 5, 9};
  options.batch_size = 2;
  ASSERT_OK_AND_ASSIGN(const auto loader, ViewLoader::Create(options));
  ASSERT_EQ(loader->batches_per_epoch(), 2);
  for (int epoch = 0; epoch < kEpochs; ++epoch) {
    std::set<uint64_t> seen;
    for (int batch = 0; batch < 2; ++batch) {
      ASSERT_OK_AND_ASSIGN(const auto views, loader->Next());
      for (uint64_t id : views->image_ids) seen.insert(id - first);
    }
    EXPECT_EQ(seen, (std::set<uint64_t>{1, 4, 5, 9}));
  }
  options.subset = {kImages};
  EXPECT_THAT(StatusOf(options),
              StatusIs(absl::StatusCode::kInvalidArgument, ::testing::HasSubstr("of the subset")));
  options.subset = {1, 2};
  options.views_dir = "recorded";
  EXPECT_FALSE(StatusOf(options).ok());
}

TEST(ViewLoaderTest, ThreadsCacheAndFeedingWayChangeNoByte) {
  const std::vector<std::string> expected = LoadAll(OnTheFly());
  ASSERT_EQ(expected.size(), kEpochs * (kImages / kBatch));
  EXPECT_EQ(std::set<std::string>(expected.begin(), expected.end()).size(), expected.size());
  const std::string params = Record("params", Options::PARAMS);
  const std::string raw = Record("raw", Options::RAW);
  const std::string png = Record("png", Options::PNG);
  for (int threads : {1, 2, 7}) {
    for (const std::string& views_dir : {std::string(), params, raw, png}) {
      for (int64_t cache_bytes : {0, 20000, 1 << 20}) {
        ViewLoaderOptions options = OnTheFly();
        options.threads = threads;
        options.views_dir = views_dir;
        options.cache_bytes = cache_bytes;
        EXPECT_EQ(LoadAll(options), expected) << threads << " threads, " << views_dir;
      }
    }
  }
  // Pixels need no images, and no policy.
  ViewLoaderOptions pixels_only = OnTheFly();
  pixels_only.images = nullptr;
  pixels_only.views_dir = raw;
  pixels_only.policy.Clear();
  EXPECT_EQ(LoadAll(pixels_only), expected);
}

// A fast view is a function of its record and its JPEG, so it does not matter who makes it.
TEST(ViewLoaderTest, FastDecodingIsTheSameBytesHoweverFed) {
  ViewLoaderOptions fast = OnTheFly();
  fast.policy.set_size(8);
  fast.policy.set_decode(v1::FAST);
  const std::vector<std::string> expected = LoadAll(fast);
  ViewLoaderOptions exact = fast;
  exact.policy.set_decode(v1::EXACT);
  EXPECT_NE(LoadAll(exact), expected);
  for (Options::Store store : {Options::PARAMS, Options::PNG}) {
    ViewLoaderOptions recorded = fast;
    recorded.views_dir = Record(absl::StrCat("fast", store), store, &fast.policy);
    recorded.threads = 7;
    EXPECT_EQ(LoadAll(recorded), expected);
  }
}

// Two large and three small views, the first with solarize, the second without jitter, and the
// authors' draws per batch.
v1::Policy UnlikeViews() {
  v1::Policy policy = OnTheFly().policy;
  policy.set_name("unlike");
  policy.set_compat(v1::OFFICIAL);
  policy.add_views()->set_count(1);
  policy.mutable_views(0)->mutable_change()->mutable_solarize()->set_probability(0.5);
  policy.mutable_views(0)->mutable_change()->mutable_solarize()->set_threshold_max(1);
  policy.add_views()->set_count(1);
  policy.mutable_views(1)->mutable_change()->mutable_color_jitter()->set_probability(0);
  policy.add_views()->set_count(3);
  policy.mutable_views(2)->mutable_change()->set_size(12);
  policy.mutable_views(2)->mutable_change()->mutable_crop()->set_scale_max(0.3);
  return policy;
}

TEST(ViewLoaderTest, UnlikeViewsHaveTheirOwnSizeAndDescriptor) {
  ViewLoaderOptions options = OnTheFly();
  options.policy = UnlikeViews();
  options.groups = {"color", "solarize"};
  options.views = 5;
  ASSERT_OK_AND_ASSIGN(const auto loader, ViewLoader::Create(options));
  EXPECT_EQ(loader->descriptor_size(), 5);
  std::set<float> thresholds;
  while (true) {
    ASSERT_OK_AND_ASSIGN(const auto batch, loader->Next());
    if (batch == nullptr) break;
    EXPECT_THAT(batch->sizes, ::testing::ElementsAre(32, 32, 12, 12, 12));
    EXPECT_EQ(batch->pixels[4].size(), kBatch * 12 * 12 * 3);
    for (int row = 0; row < kBatch; ++row) {
      thresholds.insert(batch->descriptors[0][5 * row + 4]);
      for (int k = 0; k < 4; ++k) EXPECT_EQ(batch->descriptors[1][5 * row + k], 0);
      for (int view = 1; view < 5; ++view) {
        EXPECT_EQ(batch->descriptors[view][5 * row + 4], 1) << "the value of no solarize";
      }
    }
  }
  EXPECT_GT(thresholds.size(), 10u);
}

TEST(ViewLoaderTest, UnlikeViewsAndDrawsPerBatchAreTheSameBytesHoweverFed) {
  const v1::Policy policy = UnlikeViews();
  ViewLoaderOptions options = OnTheFly();
  options.policy = policy;
  options.groups = {"color", "color_diff", "crop", "solarize"};
  for (int views : {5, 2}) {
    options.views = views;
    options.views_dir = "";
    const std::vector<std::string> expected = LoadAll(options);
    ASSERT_EQ(expected.size(), kEpochs * (kImages / kBatch));
    for (Options::Store store : {Options::PARAMS, Options::RAW}) {
      options.views_dir = Record("unlike", store, &policy);
      for (int threads : {1, 3}) {
        options.threads = threads;
        EXPECT_EQ(LoadAll(options), expected) << views << " views, " << threads << " threads";
      }
    }
  }
  options.views = 6;
  options.views_dir = "";
  EXPECT_THAT(StatusOf(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("has 5 views")));
}

TEST(ViewLoaderTest, OfficialColourOrderIsSharedInABatchAndSoIsTiedToTheBatchSize) {
  v1::Policy policy = UnlikeViews();
  policy.clear_views();
  policy.mutable_color_jitter()->set_probability(1);
  const std::string folder = Record("official", Options::PARAMS, &policy);
  ASSERT_OK_AND_ASSIGN(const auto recorded, RecordedViews::Open(folder));
  EXPECT_EQ(recorded->info().batch_size(), kBatch);
  ViewLoaderOptions options = OnTheFly();
  options.policy = policy;
  ASSERT_OK_AND_ASSIGN(const auto loader, ViewLoader::Create(options));
  std::set<std::vector<int>> orders;
  for (int b = 0; b < kEpochs * (kImages / kBatch); ++b) {
    ASSERT_OK_AND_ASSIGN(const auto batch, loader->Next());
    for (int view = 0; view < 2; ++view) {
      std::set<std::vector<int>> of_batch;
      for (uint64_t id : batch->image_ids) {
        v1::ViewRecord record;
        ASSERT_OK(recorded->Read(batch->epoch, id, view, &record));
        const auto& order = record.color_jitter().order();
        of_batch.insert(std::vector<int>(order.begin(), order.end()));
      }
      EXPECT_EQ(of_batch.size(), 1u);
      orders.insert(*of_batch.begin());
    }
  }
  EXPECT_GT(orders.size(), 8u);  // of 24 draws among 24 orders, about 15 differ

  options.views_dir = folder;
  options.batch_size = kBatch + 1;
  EXPECT_THAT(StatusOf(options), StatusIs(absl::StatusCode::kFailedPrecondition,
                                          AllOf(HasSubstr(folder), HasSubstr("batches of 5"),
                                                HasSubstr("batches of 6"))));
}

TEST(ViewLoaderTest, AnyStartingPointContinuesTheFullRun) {
  const std::vector<std::string> expected = LoadAll(OnTheFly());
  const int64_t per_epoch = kImages / kBatch;
  for (int64_t start = 0; start <= static_cast<int64_t>(expected.size()); ++start) {
    ViewLoaderOptions options = OnTheFly();
    options.first_epoch = start / per_epoch;
    options.first_batch = start % per_epoch;
    options.threads = 2;
    EXPECT_EQ(LoadAll(options), std::vector<std::string>(expected.begin() + start, expected.end()));
  }
}

TEST(ViewLoaderTest, SeedsAndViewsMatter) {
  const std::vector<std::string> expected = LoadAll(OnTheFly());
  ViewLoaderOptions other_seed = OnTheFly();
  other_seed.seed = kSeed + 1;
  EXPECT_NE(LoadAll(other_seed)[0], expected[0]);
  // The first view of a one-view run is the first of two.
  ViewLoaderOptions one_view = OnTheFly();
  one_view.views = 1;
  one_view.relative_groups.clear();
  ASSERT_OK_AND_ASSIGN(const auto one, ViewLoader::Create(one_view));
  ASSERT_OK_AND_ASSIGN(const auto two, ViewLoader::Create(OnTheFly()));
  ASSERT_OK_AND_ASSIGN(const auto first, one->Next());
  ASSERT_OK_AND_ASSIGN(const auto both, two->Next());
  EXPECT_EQ(first->pixels[0], both->pixels[0]);
}

TEST(ViewLoaderTest, JpegViewsAreNearTheExactOnes) {
  ViewLoaderOptions options = OnTheFly();
  ASSERT_OK_AND_ASSIGN(const auto exact, ViewLoader::Create(options));
  options.views_dir = Record("jpeg", Options::JPEG);
  ASSERT_OK_AND_ASSIGN(const auto lossy, ViewLoader::Create(options));
  ASSERT_OK_AND_ASSIGN(const auto a, exact->Next());
  ASSERT_OK_AND_ASSIGN(const auto b, lossy->Next());
  EXPECT_EQ(a->descriptors, b->descriptors);
  int64_t total = 0;
  for (size_t i = 0; i < a->pixels[0].size(); ++i) {
    total += std::abs(a->pixels[0][i] - b->pixels[0][i]);
  }
  // Smooth images at quality 95.
  EXPECT_GT(total, 0);
  EXPECT_LT(total / static_cast<double>(a->pixels[0].size()), 3.0);
}

}  // namespace
}  // namespace cassle
