#include "cassle/augment/view_loader.h"

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/augment/augment_and_record.h"
#include "cassle/augment/policy.h"
#include "cassle/augment/recorded_views.h"
#include "cassle/augment/test_images.h"
#include "cassle/base/file.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/status_matchers.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Options = v1::AugmentAndRecordOptions;

constexpr int kImages = 23;
constexpr int kBatch = 5;
constexpr int kEpochs = 3;
constexpr uint64_t kSeed = 7;

std::string DatasetFolder() {
  static const std::string folder = MakeTestDataset("images", TestImageRecords(kImages));
  return folder;
}

ViewLoaderOptions OnTheFly() {
  ViewLoaderOptions options;
  const auto images = Dataset::Open(DatasetFolder());
  EXPECT_OK(images);
  options.images = *images;
  const auto policy = LoadPolicy("cifar");
  EXPECT_OK(policy);
  options.policy = *policy;
  options.groups = {"crop", "color", "color_diff", "flip", "grayscale"};
  options.seed = kSeed;
  options.batch_size = kBatch;
  options.num_epochs = kEpochs;
  return options;
}

std::string Record(const std::string& name, Options::Store store, uint64_t seed = kSeed,
                   const std::string& input = DatasetFolder()) {
  Options options;
  options.set_input(input);
  options.set_output(FreshPath(name));
  options.set_policy("cifar");
  options.set_epochs(kEpochs);
  options.set_seed(seed);
  options.set_store(store);
  // An odd number: shards end between the views of an image.
  options.set_records_per_shard(31);
  EXPECT_OK(RunStage(AugmentAndRecordInfo(), options, {.threads = 2}, RunAugmentAndRecord));
  return options.output();
}

std::string Hash(const ViewBatch& batch) {
  Fingerprinter hash;
  hash.UpdateField(absl::StrCat(batch.epoch, " ", batch.batch_in_epoch, " ", batch.size));
  const auto add = [&hash](const auto& values) {
    hash.UpdateField(absl::string_view(reinterpret_cast<const char*>(values.data()),
                                       values.size() * sizeof(values[0])));
  };
  for (const auto& pixels : batch.pixels) add(pixels);
  for (const auto& descriptors : batch.descriptors) add(descriptors);
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

absl::Status StatusOf(ViewLoaderOptions options) {
  return ViewLoader::Create(std::move(options)).status();
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

TEST(ViewLoaderTest, ViewsOfAnotherSeedPolicyOrDataSetAreRefusedWithBothNames) {
  const std::string params = Record("origin", Options::PARAMS);
  ViewLoaderOptions options = OnTheFly();
  options.views_dir = params;
  options.seed = 8;
  EXPECT_THAT(StatusOf(options),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(params), HasSubstr("seed 7"), HasSubstr("seed 8"))));
  options.seed = kSeed;
  options.policy.mutable_flip()->set_probability(0);
  EXPECT_THAT(StatusOf(options),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("policy cifar")));
  options = OnTheFly();
  options.views_dir = params;
  const std::string others = MakeTestDataset("others", TestImageRecords(kImages, /*salt=*/1));
  ASSERT_OK_AND_ASSIGN(options.images, Dataset::Open(others));
  EXPECT_THAT(StatusOf(options),
              StatusIs(absl::StatusCode::kFailedPrecondition,
                       AllOf(HasSubstr(params), HasSubstr(others), HasSubstr("fingerprint"))));
}

TEST(ViewLoaderTest, ImpossibleOptionsAreNamed) {
  const absl::StatusCode invalid = absl::StatusCode::kInvalidArgument;
  ViewLoaderOptions options = OnTheFly();
  options.batch_size = kImages + 1;
  EXPECT_THAT(StatusOf(options), StatusIs(invalid, HasSubstr("larger than the 23 images")));
  options = OnTheFly();
  options.groups = {"blur"};
  EXPECT_THAT(StatusOf(options), StatusIs(invalid, HasSubstr("\"blur\"")));
  options = OnTheFly();
  options.policy.mutable_flip()->set_probability(1.5);
  EXPECT_THAT(StatusOf(options), StatusIs(invalid, HasSubstr("flip.probability is 1.5")));
  options = OnTheFly();
  options.images = nullptr;
  EXPECT_THAT(StatusOf(options), StatusIs(invalid, HasSubstr("neither")));
  options = OnTheFly();
  options.views_dir = Record("few", Options::PARAMS);
  options.num_epochs = kEpochs + 1;
  EXPECT_THAT(StatusOf(options), StatusIs(invalid, HasSubstr("holds 3 epochs")));
  options.num_epochs = kEpochs;
  options.images = nullptr;
  EXPECT_THAT(StatusOf(options), StatusIs(invalid, HasSubstr("--store=raw")));
}

TEST(ViewLoaderTest, DamagedViewsAreNamed) {
  ViewLoaderOptions options = OnTheFly();
  options.views_dir = FreshPath("missing");
  EXPECT_THAT(StatusOf(options), StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing")));

  options.views_dir = DatasetFolder();
  EXPECT_THAT(StatusOf(options),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("holds no recorded views")));

  options.views_dir = Record("truncated", Options::RAW);
  const std::string shard = JoinPath(options.views_dir, "views-00001-of-00005.tfrecord");
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(shard));
  ASSERT_OK(WriteFile(shard, bytes.substr(0, bytes.size() - 100)));
  EXPECT_THAT(StatusOf(options),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("views-00001-of-00005.tfrecord")));

  // A flipped bit is found when its record is read, and the error stays.
  std::string flipped = bytes;
  flipped[bytes.size() / 2] ^= 1;
  ASSERT_OK(WriteFile(shard, flipped));
  ASSERT_OK_AND_ASSIGN(const auto loader, ViewLoader::Create(options));
  absl::Status status;
  for (int i = 0; i < kEpochs * kImages / kBatch && status.ok(); ++i) {
    status = loader->Next().status();
  }
  EXPECT_THAT(status,
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("views-00001-of-00005.tfrecord")));
  EXPECT_EQ(loader->Next().status(), status);
}

}  // namespace
}  // namespace cassle
