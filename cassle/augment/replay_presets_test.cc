// The bar of replaying: views of real photographs, by every preset, fed in every way, with 1, 2 and
// 7 threads, shuffled and in order, have one fingerprint.
//
// CASSLE_REPLAY_VIEWS says how many views there are in all (each made about twenty times); the
// default keeps the test short. The full run:
//   bazel test -c opt //cassle/augment:replay_presets_test --test_env=CASSLE_REPLAY_VIEWS=10000
//     --test_timeout=3600
#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/augment/augment_and_record_stage.h"
#include "cassle/augment/loading/view_loader.h"
#include "cassle/augment/pictures/view_comparison.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/replay_stage.h"
#include "cassle/augment/testing/test_images.h"
#include "cassle/base/file.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/shard_encoder_stage.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using Recording = v1::AugmentAndRecordOptions;

constexpr int kSets = 2;
constexpr int kEpochs = 2;
constexpr uint64_t kSeed = 11;
constexpr int kThreads[] = {1, 2, 7};

int64_t WantedViews() {
  const char* wanted = std::getenv("CASSLE_REPLAY_VIEWS");
  return wanted == nullptr || *wanted == '\0' ? 300 : std::atoll(wanted);
}

// A tar of the first `count` members of another.
std::string FirstMembers(const std::string& tar, int64_t count) {
  constexpr size_t kBlock = 512;
  size_t end = 0;
  for (int64_t i = 0; i < count && end + kBlock <= tar.size() && tar[end] != 0; ++i) {
    const uint64_t size = std::strtoull(tar.substr(end + 124, 11).c_str(), nullptr, 8);
    end += kBlock + (size + kBlock - 1) / kBlock * kBlock;
  }
  return tar.substr(0, end) + std::string(2 * kBlock, '\0');
}

// The first `count` photographs of a tar as a data set folder.
std::string Photographs(const std::string& tar, int64_t count) {
  static auto& folders = *new std::map<std::string, std::string>;
  const std::string name = absl::StrCat(BaseName(DirName(tar)), "_", count);
  std::string& folder = folders[name];
  if (!folder.empty()) return folder;
  const std::string first = FreshPath(name + ".tar");
  const auto bytes = ReadFile(JoinPath(RealDataDir(), tar));
  EXPECT_OK(bytes);
  EXPECT_OK(WriteFile(first, FirstMembers(bytes.value_or(""), 2 * count)));
  v1::ShardEncoderOptions options;
  options.set_source(v1::DatasetLayout::WEBDATASET);
  options.set_input(first);
  options.set_output(FreshPath(name));
  EXPECT_OK(RunStage(ShardEncoderInfo(), options, {.threads = 2}, RunShardEncoder));
  return folder = options.output();
}

class ReplayPresetsTest : public ::testing::TestWithParam<std::tuple<std::string, std::string>> {
 protected:
  void SetUp() override {
    if (RealDataDir().empty()) GTEST_SKIP() << "no CASSLE_DATA_DIR";
    ASSERT_OK_AND_ASSIGN(policy_, LoadPolicy(std::get<0>(GetParam())));
    views_ = NumViews(policy_) > 0 ? NumViews(policy_) : 2;
    const int64_t share =
        WantedViews() / static_cast<int64_t>(PresetNames().size() * kSets * kEpochs);
    // Two batches an epoch.
    const int64_t images = std::max<int64_t>(4, (share + views_ - 1) / views_ / 2 * 2);
    dataset_ = Photographs(std::get<1>(GetParam()), images);
    ASSERT_OK_AND_ASSIGN(images_, Dataset::Open(dataset_));
    batch_size_ = images_->size() / 2;
    ASSERT_EQ(images_->size() % 2, 0);
  }

  std::string Record(Recording::Store store) {
    Recording options;
    options.set_input(dataset_);
    options.set_output(FreshPath(absl::StrCat("views_", store)));
    options.set_policy(policy_.name());
    options.set_epochs(kEpochs);
    options.set_seed(kSeed);
    options.set_store(store);
    options.set_batch_size(batch_size_);
    options.set_records_per_shard(13);
    EXPECT_OK(RunStage(AugmentAndRecordInfo(), options, {.threads = 2}, RunAugmentAndRecord));
    return options.output();
  }

  // In the order of the records, as the stage replay reads them.
  std::string InOrder(const std::string& views, bool with_images, int threads) {
    v1::ReplayOptions options;
    if (with_images) options.set_input(dataset_);
    options.set_views(views);
    nlohmann::json result;
    EXPECT_OK(RunStageWork(ReplayInfo(), options, {.threads = threads},
                           [&](const google::protobuf::Message& resolved, StageContext& context) {
                             const absl::Status status = RunReplay(
                                 static_cast<const v1::ReplayOptions&>(resolved), context);
                             result = nlohmann::json::parse(context.result_json(), nullptr, false);
                             return status;
                           }));
    EXPECT_EQ(result["records"], images_->size() * kEpochs * views_);
    return result["views_fingerprint"].get<std::string>();
  }

  // Shuffled, as a training gets them; then put in order for the fingerprint.
  std::string Shuffled(const std::string& views_dir, bool with_images, int threads) {
    ViewLoaderOptions options;
    if (with_images) options.images = images_;
    options.views_dir = views_dir;
    if (views_dir.empty()) options.policy = policy_;
    options.views = views_;
    options.seed = kSeed;
    options.batch_size = batch_size_;
    options.num_epochs = kEpochs;
    options.threads = threads;
    const auto loader = ViewLoader::Create(options);
    EXPECT_OK(loader);
    if (!loader.ok()) return "";
    std::map<std::tuple<int64_t, uint64_t, int>, std::string> fingerprints;
    while (true) {
      const auto batch = (*loader)->Next();
      EXPECT_OK(batch);
      if (!batch.ok() || *batch == nullptr) break;
      for (int row = 0; row < (*batch)->batch_size; ++row) {
        for (int view = 0; view < views_; ++view) Add(**batch, row, view, &fingerprints);
      }
    }
    EXPECT_EQ(static_cast<int64_t>(fingerprints.size()), images_->size() * kEpochs * views_);
    Fingerprinter whole;
    for (const auto& [key, fingerprint] : fingerprints) whole.UpdateField(fingerprint);
    return whole.Hex();
  }

  static void Add(const ViewBatch& batch, int row, int view,
                  std::map<std::tuple<int64_t, uint64_t, int>, std::string>* fingerprints) {
    v1::ViewRecord record;
    record.set_image_id(batch.image_ids[row]);
    record.set_epoch(static_cast<uint32_t>(batch.epoch));
    record.set_view(view);
    RgbImage pixels;
    pixels.Resize(batch.sizes[view], batch.sizes[view]);
    const uint8_t* first = batch.pixels[view].data() + row * pixels.pixels.size();
    std::copy(first, first + pixels.pixels.size(), pixels.pixels.begin());
    (*fingerprints)[{batch.epoch, record.image_id(), view}] = ViewFingerprint(record, pixels);
  }

  v1::Policy policy_;
  int views_ = 0;
  int64_t batch_size_ = 0;
  std::string dataset_;
  std::shared_ptr<const Dataset> images_;
};

TEST_P(ReplayPresetsTest, EveryWayOfFeedingGivesTheSameViews) {
  const std::string parameters = Record(Recording::PARAMS);
  const std::string pixels = Record(Recording::RAW);
  const std::string expected = InOrder(parameters, true, 1);
  ASSERT_EQ(expected.size(), 32);
  for (int threads : kThreads) {
    SCOPED_TRACE(absl::StrCat(threads, " threads"));
    EXPECT_EQ(InOrder(parameters, true, threads), expected);
    EXPECT_EQ(InOrder(pixels, false, threads), expected);
    EXPECT_EQ(Shuffled("", true, threads), expected);
    EXPECT_EQ(Shuffled(parameters, true, threads), expected);
    EXPECT_EQ(Shuffled(pixels, false, threads), expected);
  }
}

INSTANTIATE_TEST_SUITE_P(Presets, ReplayPresetsTest,
                         ::testing::Combine(::testing::ValuesIn(PresetNames()),
                                            ::testing::Values("cifar10/test.tar",
                                                              "imagenet-sample/photos.tar")),
                         [](const auto& info) {
                           std::string name = absl::StrCat(std::get<0>(info.param), "_of_",
                                                           DirName(std::get<1>(info.param)));
                           for (char& letter : name) {
                             if (!std::isalnum(static_cast<unsigned char>(letter))) letter = '_';
                           }
                           return name;
                         });

}  // namespace
}  // namespace cassle
