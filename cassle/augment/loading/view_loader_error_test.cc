// What the view loader refuses, and with which words.
#include <cmath>
#include <string>
#include <vector>

#include "cassle/augment/loading/view_loader.h"
#include "cassle/augment/loading/view_loader_testutil.h"
#include "cassle/augment/testing/test_images.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/records/tfrecord.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Options = v1::AugmentAndRecordOptions;

TEST(ViewLoaderErrorTest, ViewsOfAnotherSeedPolicyOrDataSetAreRefusedWithBothNames) {
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

TEST(ViewLoaderErrorTest, ImpossibleOptionsAreNamed) {
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

TEST(ViewLoaderErrorTest, DamagedViewsAreNamed) {
  ViewLoaderOptions options = OnTheFly();
  options.views_dir = FreshPath("missing");
  EXPECT_THAT(StatusOf(options), StatusIs(absl::StatusCode::kNotFound, HasSubstr("missing")));

  options.views_dir = DatasetFolder();
  EXPECT_THAT(StatusOf(options), StatusIs(absl::StatusCode::kFailedPrecondition,
                                          HasSubstr("is no folder of recorded views")));

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

TEST(ViewLoaderErrorTest, ImpossibleParametersOfStoredPixelsAreNamed) {
  ViewLoaderOptions options = OnTheFly();
  options.views_dir = Record("impossible", Options::RAW);
  const std::string shard = JoinPath(options.views_dir, "views-00001-of-00005.tfrecord");
  std::vector<v1::ViewRecord> records;
  {
    ASSERT_OK_AND_ASSIGN(const auto reader, TfRecordReader::Open(shard));
    std::string payload;
    while (reader->Next(&payload).value()) {
      ASSERT_TRUE(records.emplace_back().ParseFromString(payload));
    }
  }
  // Values of as many bytes, so that the folder has nothing to say.
  const auto expect_refused = [&](const std::string& words, void (*change)(v1::ViewRecord*)) {
    ASSERT_OK_AND_ASSIGN(const auto writer, TfRecordWriter::Open(shard, shard + ".index"));
    for (v1::ViewRecord record : records) {
      change(&record);
      ASSERT_OK(writer->Append(record.SerializeAsString()));
    }
    ASSERT_OK(writer->Close());
    ASSERT_OK_AND_ASSIGN(const auto loader, ViewLoader::Create(options));
    absl::Status status;
    for (int i = 0; i < kEpochs * kImages / kBatch && status.ok(); ++i) {
      status = loader->Next().status();
    }
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kDataLoss,
                                 AllOf(HasSubstr(options.views_dir), HasSubstr(" of image "),
                                       HasSubstr(words))));
  };
  expect_refused("colour difference", [](v1::ViewRecord* record) {
    if (!record->has_color_jitter()) return;
    record->mutable_color_jitter()->set_color_difference(1, NAN);
  });
  expect_refused("does not lie inside the source",
                 [](v1::ViewRecord* record) { record->set_source_height(1); });
}

}  // namespace
}  // namespace cassle
