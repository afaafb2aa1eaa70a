#include "cassle/eval/on_images/similar_stage.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/csv.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/shard_encoder_stage.h"
#include "cassle/eval/on_images/embed_stage.h"
#include "cassle/features/model_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;

constexpr absl::StatusCode kBad = absl::StatusCode::kFailedPrecondition;

std::string Picture(int index) {
  RgbImage image;
  image.Resize(20, 20);
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<uint8_t>((index % 2) * 90 + (i * (index + 3) / 7) % 120);
  }
  return EncodePng(image).value();
}

class SimilarTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = JoinPath(::testing::TempDir(),
                     ::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_OK(RemoveAll(root_));
    for (int i = 0; i < 12; ++i) {
      Put(absl::StrCat("images/", i % 2 ? "bright/" : "dark/", i, ".png"), Picture(i));
    }
    Put("new/b.png", Picture(5));
    Put("new/a.png", Picture(8));
    model_ = MakeTestModel({});
    v1::ShardEncoderOptions shards;
    shards.set_input(Path("images"));
    shards.set_output(Path("shards"));
    ASSERT_OK(RunStage(ShardEncoderInfo(), shards, {.omit_costs = true}, RunShardEncoder));
    Embed(v1::Readout::TOKENS_UNSPECIFIED);
  }

  std::string Path(const std::string& name) const { return JoinPath(root_, name); }
  void Put(const std::string& name, const std::string& bytes) {
    ASSERT_OK(MakeDirectories(DirName(Path(name))));
    ASSERT_OK(WriteFile(Path(name), bytes));
  }
  void Embed(v1::Readout::Tokens tokens) {
    v1::EmbedOptions embed;
    embed.set_model(model_);
    embed.set_input(Path("shards"));
    embed.set_output(Path("train"));
    embed.set_precision(v1::FLOAT32);
    embed.set_tokens(tokens);
    embed.set_layer(3);
    ASSERT_OK(RunStage(EmbedInfo(), embed, {.force = true, .omit_costs = true}, RunEmbed));
  }

  v1::SimilarOptions Options() const {
    v1::SimilarOptions options;
    options.set_query(Path("new"));
    options.set_model(model_);
    options.set_train(Path("train"));
    options.set_images(Path("shards"));
    options.set_k(3);
    options.set_output(Path("similar"));
    return options;
  }
  static absl::StatusOr<StageOutcome> Run(const v1::SimilarOptions& options, int threads = 2) {
    return RunStage(SimilarInfo(), options, {.threads = threads, .force = true, .omit_costs = true},
                    RunSimilar);
  }
  std::string Read(const std::string& name) const {
    return ReadFile(JoinPath(Path("similar"), name)).value();
  }

  std::string root_;
  std::string model_;
};

TEST_F(SimilarTest, AnImageThatIsThereFindsItselfFirst) {
  ASSERT_OK(Run(Options()));
  ASSERT_OK_AND_ASSIGN(const CsvTable table, ReadCsv(JoinPath(Path("similar"), "similar.csv")));
  ASSERT_EQ(table.rows.size(), 6);
  const std::vector<std::vector<std::string>> first = {
      {"a.png", "1", "train/dark/8.png", "dark"}, {"b.png", "1", "train/bright/5.png", "bright"}};
  for (int q = 0; q < 2; ++q) {
    double before = 1.001;
    for (int i = 0; i < 3; ++i) {
      const std::vector<std::string>& cells = table.rows[3 * q + i].cells;
      EXPECT_EQ(cells[0], first[q][0]);
      EXPECT_EQ(cells[1], absl::StrCat(i + 1));
      double similarity = 0;
      ASSERT_TRUE(absl::SimpleAtod(cells[3], &similarity));
      EXPECT_LE(similarity, before);
      before = similarity;
      if (i > 0) continue;
      EXPECT_EQ(cells[2], first[q][2]);
      EXPECT_NEAR(similarity, 1, 1e-5);
      EXPECT_EQ(cells[4], first[q][3]);
    }
  }
}

TEST_F(SimilarTest, ThePageShowsTheFirstQueriesAndThePictureIsThere) {
  v1::SimilarOptions options = Options();
  options.set_page_queries(1);
  ASSERT_OK(Run(options));
  const std::string page = Read("similar.html");
  EXPECT_THAT(page, AllOf(HasSubstr("a.png"), HasSubstr("train/dark/8.png"),
                          HasSubstr("1 of 2 are shown; similar.csv has all.")));
  EXPECT_FALSE(absl::StrContains(page, "b.png"));
  RgbImage picture;
  ASSERT_OK(DecodeImage(Read("similar.png"), &picture));
  EXPECT_GT(picture.width, 300);
}

TEST_F(SimilarTest, ThreadsChangeNoByteAndDamagedImagesStopNothing) {
  Put("new/aa.png", "no image");
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Run(Options(), 1));
  EXPECT_THAT(outcome.manifest.notes(),
              Contains("1 images that cannot be read are not looked for (aa.png)"));
  EXPECT_THAT(Read("damaged.csv"), HasSubstr("aa.png,"));
  const std::string csv = Read("similar.csv"), page = Read("similar.html");
  ASSERT_OK(Run(Options(), 4));
  EXPECT_EQ(Read("similar.csv"), csv);
  EXPECT_EQ(Read("similar.html"), page);
}

TEST_F(SimilarTest, TheFirstReadableQueriesAreShown) {
  for (const char* name : {"new/0.png", "new/1.png", "new/aa.png"}) Put(name, "no image");
  v1::SimilarOptions options = Options();
  options.set_page_queries(2);
  options.set_batch_size(1);
  ASSERT_OK(Run(options));
  EXPECT_THAT(Read("similar.html"), AllOf(HasSubstr("a.png"), HasSubstr("b.png")));
  RgbImage picture;
  ASSERT_OK(DecodeImage(Read("similar.png"), &picture));
  EXPECT_GT(picture.height, 2 * 96);
  options.set_page_queries(1);
  options.set_batch_size(8);
  ASSERT_OK(Run(options));
  EXPECT_FALSE(absl::StrContains(Read("similar.html"), "b.png"));
}

TEST_F(SimilarTest, HowQueriesAreReadCanBeSaid) {
  Put("lists/new.csv", "picture,other\n../new/a.png,x.png\n../new/b.png,y.png\n");
  v1::SimilarOptions options = Options();
  options.set_query(Path("lists"));
  options.set_source(v1::DatasetLayout::CSV);
  options.set_image_from("picture");
  ASSERT_OK(Run(options));
  options = Options();
  options.add_leave_out("b.png");
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Run(options));
  EXPECT_THAT(outcome.manifest.result_json(), HasSubstr("\"queries\":1,"));
}

TEST_F(SimilarTest, WhatDoesNotFitIsRefusedByName) {
  v1::SimilarOptions options = Options();
  options.set_model(MakeTestModel({.name = "other", .change = [](Backbone* backbone) {
                                     backbone->state()[0].tensor.detach().mul_(2);
                                   }}));
  EXPECT_THAT(Run(options), StatusIs(kBad, HasSubstr("from features of other weights")));
  options = Options();
  options.set_images(MakeTestImages(3));
  EXPECT_THAT(Run(options), StatusIs(kBad, HasSubstr("is not what --train was made of")));
  options = Options();
  options.set_query(Path("shards"));
  EXPECT_THAT(Run(options), StatusIs(kBad, HasSubstr("is a data set of shards")));
  options = Options();
  options.clear_train();
  EXPECT_THAT(Run(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--train is missing")));
  Embed(v1::Readout::PATCHES);
  EXPECT_THAT(Run(Options()), StatusIs(kBad, HasSubstr("rows per image")));
}

}  // namespace
}  // namespace cassle
