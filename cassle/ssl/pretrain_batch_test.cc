// augment-and-record --run --step: the batch of any step is the one that the trainer's loader made.
#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/augment/augment_and_record_stage.h"
#include "cassle/augment/batch_of_step.h"
#include "cassle/augment/loading/view_loader.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/augment/recording/views.pb.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/records/tfrecord.h"
#include "cassle/data/records/view_record.pb.h"
#include "cassle/ssl/pretrain_stage.h"
#include "cassle/ssl/pretrain_testutil.h"
#include "cassle/ssl/training/accumulate.h"
#include "cassle/stage/stage_main.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Options = v1::AugmentAndRecordOptions;

Options BatchOptions(const v1::PretrainOptions& run, int64_t step) {
  Options options;
  options.set_run(run.output());
  options.set_step(step);
  options.set_input(run.input());
  options.set_recorded(run.views());
  options.set_store(Options::RAW);
  options.set_output(JoinPath(::testing::TempDir(), "batch"));
  return options;
}

absl::Status RecordBatch(const Options& options) {
  return RunStage(AugmentAndRecordInfo(), options, {.force = true}, RunAugmentAndRecord).status();
}

// Every view of a batch, row by row.
struct SeenBatch {
  std::vector<uint64_t> image_ids;
  // pixels[row][view]
  std::vector<std::vector<std::string>> pixels;
};

void AppendRows(const ViewBatch& batch, SeenBatch* seen) {
  for (int row = 0; row < batch.batch_size; ++row) {
    seen->image_ids.push_back(batch.image_ids[row]);
    seen->pixels.emplace_back();
    for (size_t view = 0; view < batch.pixels.size(); ++view) {
      const size_t bytes = batch.pixels[view].size() / batch.batch_size;
      seen->pixels.back().emplace_back(
          reinterpret_cast<const char*>(batch.pixels[view].data()) + row * bytes, bytes);
    }
  }
}

// What the loaders of the training give to its ranks from `first_epoch` on, in the order of steps.
// A run that was resumed begins there.
std::vector<SeenBatch> FedBatches(const v1::PretrainOptions& run, int views, int ranks,
                                  int64_t first_epoch) {
  ViewLoaderOptions loading;
  if (!run.input().empty()) loading.images = Dataset::Open(run.input(), run.split()).value();
  loading.views_dir = run.views();
  if (run.views().empty()) {
    loading.policy = (*NamedPolicy(run)).value();
    if (run.compat() == v1::OFFICIAL) loading.policy.set_compat(v1::OFFICIAL);
  }
  loading.views = views;
  loading.seed = run.seed();
  loading.batch_size = run.batch_size();
  loading.num_epochs = run.epochs();
  loading.first_epoch = first_epoch;
  loading.threads = 2;
  std::vector<std::unique_ptr<ViewLoader>> loaders;
  std::vector<std::vector<int64_t>> rows;
  for (int rank = 0; rank < ranks; ++rank) {
    rows.push_back(RowsOnRank(run.batch_size(), 1, rank, ranks));
    loading.rows = rows.back();
    loaders.push_back(ViewLoader::Create(loading).value());
  }
  std::vector<SeenBatch> batches;
  while (true) {
    // The rows of all ranks, each at its place in the batch.
    std::map<int64_t, SeenBatch> of_rows;
    for (int rank = 0; rank < ranks; ++rank) {
      const auto batch = loaders[rank]->Next().value();
      if (batch == nullptr) return batches;
      SeenBatch seen;
      AppendRows(*batch, &seen);
      for (size_t i = 0; i < rows[rank].size(); ++i) {
        of_rows[rows[rank][i]] = {{seen.image_ids[i]}, {seen.pixels[i]}};
      }
    }
    SeenBatch whole;
    for (const auto& [row, seen] : of_rows) {
      whole.image_ids.push_back(seen.image_ids[0]);
      whole.pixels.push_back(seen.pixels[0]);
    }
    batches.push_back(std::move(whole));
  }
}

// What the folder holds.
SeenBatch ReadBatch(const std::string& folder, int views) {
  SeenBatch seen;
  v1::BatchInfo info;
  EXPECT_OK(ReadTextProto(JoinPath(folder, kBatchInfoName), &info));
  seen.image_ids.assign(info.image_ids().begin(), info.image_ids().end());
  for (const v1::ShardInfo& shard : info.views().shards()) {
    const std::string path = JoinPath(folder, shard.file());
    auto reader = TfRecordReader::Open(path).value();
    std::string payload;
    for (int64_t i = 0; i < shard.num_records(); ++i) {
      EXPECT_TRUE(reader->Next(&payload).value());
      v1::ViewRecord record;
      EXPECT_TRUE(record.ParseFromString(payload));
      if (i % views == 0) seen.pixels.emplace_back();
      EXPECT_EQ(record.image_id(), seen.image_ids[seen.pixels.size() - 1]);
      RgbImage view;
      EXPECT_OK(DecodeViewPixels(record, &view));
      seen.pixels.back().emplace_back(reinterpret_cast<const char*>(view.pixels.data()),
                                      view.pixels.size());
    }
  }
  return seen;
}

// Trains and compares the batches of some steps with what any number of ranks was fed.
void ExpectBatchesOfTheTrainer(const v1::PretrainOptions& run, int views) {
  ASSERT_OK(Train(run));
  for (const int ranks : {1, 2}) {
    const std::vector<SeenBatch> fed = FedBatches(run, views, ranks, /*first_epoch=*/0);
    ASSERT_GE(fed.size(), 4);
    const int64_t steps = static_cast<int64_t>(fed.size());
    for (const int64_t step : {int64_t{1}, steps / 2, steps / 2 + 1, steps}) {
      SCOPED_TRACE(absl::StrCat("step ", step, " of ", steps, ", ", ranks, " ranks"));
      ASSERT_OK(RecordBatch(BatchOptions(run, step)));
      const SeenBatch batch = ReadBatch(BatchOptions(run, step).output(), views);
      EXPECT_EQ(batch.image_ids, fed[step - 1].image_ids);
      EXPECT_TRUE(batch.pixels == fed[step - 1].pixels);
      EXPECT_EQ(batch.pixels.size(), run.batch_size());
      // The picture of it.
      RgbImage sheet;
      ASSERT_OK_AND_ASSIGN(
          const std::string png,
          ReadFile(JoinPath(BatchOptions(run, step).output(), "batch-00000-of-00001.png")));
      ASSERT_OK(DecodeImage(png, &sheet));
      EXPECT_GT(sheet.height, 256);
    }
    EXPECT_THAT(RecordBatch(BatchOptions(run, steps + 1)),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(absl::StrCat("has steps 1 to ", steps))));
  }
}

TEST(PretrainBatchTest, IsThatOfTheTrainerInEveryEpochOnEveryRank) {
  ExpectBatchesOfTheTrainer(MocoRun("batch_moco"), 2);
}

TEST(PretrainBatchTest, HasAllViewsOfAMultiCropMethodAndTheFirstTwoOfAnother) {
  for (const auto& [method, views] : {std::pair("dino", 4), {"swav", 4}, {"simclr", 2}}) {
    SCOPED_TRACE(method);
    v1::PretrainOptions run = TinyRun(method, 2);
    run.clear_policy();
    run.set_policy_file(MultiCropPolicy());
    ExpectBatchesOfTheTrainer(run, views);
  }
}

TEST(PretrainBatchTest, IsReadFromRecordedViews) {
  for (const auto store : {Options::PARAMS, Options::PNG}) {
    v1::PretrainOptions run = MocoRun("batch_recorded");
    run.clear_policy();
    run.set_views(RecordViews(store, 0));
    // Pixels need no data set; the sheet then lacks the sources.
    if (store == Options::PNG) run.clear_input();
    ExpectBatchesOfTheTrainer(run, 2);
  }
}

TEST(PretrainBatchTest, SharesItsDrawsWhereTheAuthorsDid) {
  v1::PretrainOptions run = MocoRun("batch_official");
  run.set_compat(v1::OFFICIAL);
  ExpectBatchesOfTheTrainer(run, 2);
}

TEST(PretrainBatchTest, IsThereOfARunThatStoppedBecauseOfItAndTheMessageHasTheCommand) {
  v1::PretrainOptions run = MocoRun("batch of a nan");
  run.set_base_lr(1e30);
  run.set_seed(5);
  const absl::Status status = Train(run).status();
  const std::string message(status.message());
  const size_t at = message.find("augment-and-record --run=");
  ASSERT_NE(at, std::string::npos) << message;
  const std::string partial = run.output() + ".partial";
  int64_t step = 0;
  ASSERT_EQ(sscanf(message.c_str(), "step %ld ", &step), 1);
  EXPECT_EQ(message.substr(at),
            absl::StrCat("augment-and-record --run='", partial, "' --step=", step,
                         " --input=", run.input(), " --output=step_", step));
  Options options = BatchOptions(run, step);
  options.set_run(partial);
  ASSERT_OK(RecordBatch(options));
  EXPECT_TRUE(ReadBatch(options.output(), 2).pixels == FedBatches(run, 2, 1, 0)[step - 1].pixels);
}

TEST(PretrainBatchTest, WhatIsWrongIsNamed) {
  const v1::PretrainOptions run = MocoRun("batch_mistakes");
  ASSERT_OK(Train(run));
  const auto expect = [&](absl::StatusCode code, const std::string& words, const auto& change) {
    Options options = BatchOptions(run, 1);
    change(&options);
    EXPECT_THAT(RecordBatch(options), StatusIs(code, HasSubstr(words)));
  };
  constexpr auto kUsage = absl::StatusCode::kInvalidArgument;
  constexpr auto kOther = absl::StatusCode::kFailedPrecondition;
  expect(kUsage, "--step is missing", [](Options* o) { o->clear_step(); });
  expect(kUsage, "--step is of a training", [](Options* o) { o->clear_run(); });
  expect(kUsage, "--policy: with --run", [](Options* o) { o->set_policy("cifar"); });
  expect(kUsage, "--seed: with --run", [](Options* o) { o->set_seed(1); });
  expect(kUsage, "--contact_sheet", [](Options* o) { o->set_contact_sheet("x.png"); });
  expect(kUsage, "--input is missing", [](Options* o) { o->clear_input(); });
  expect(kOther, "was trained from", [](Options* o) { o->set_input(TinyShapes(16)); });
  expect(kUsage, "was trained without; leave it out",
         [](Options* o) { o->set_recorded(RecordViews(Options::PARAMS, 0)); });
  expect(absl::StatusCode::kNotFound, "no_such_run does not exist",
         [](Options* o) { o->set_run("no_such_run"); });
  expect(kOther, "is an output of shard-encoder", [&](Options* o) { o->set_run(run.input()); });
  // The same batch again is up to date, of another step it is another output.
  Options options = BatchOptions(run, 2);
  options.set_output(JoinPath(::testing::TempDir(), "batch_again"));
  ASSERT_OK(RemoveAll(options.output()));
  ASSERT_OK(RunStage(AugmentAndRecordInfo(), options, {}, RunAugmentAndRecord));
  ASSERT_OK_AND_ASSIGN(const StageOutcome again,
                       RunStage(AugmentAndRecordInfo(), options, {}, RunAugmentAndRecord));
  EXPECT_TRUE(again.up_to_date);
  options.set_step(3);
  EXPECT_THAT(RunStage(AugmentAndRecordInfo(), options, {}, RunAugmentAndRecord),
              StatusIs(absl::StatusCode::kAlreadyExists, HasSubstr("--step: 2 there, 3 now")));
  // A batch is no folder to train from.
  v1::PretrainOptions from = MocoRun("batch_from");
  from.set_views(options.output());
  EXPECT_EQ(ExitCode(Train(from).status()), 65);
}

}  // namespace
}  // namespace cassle
