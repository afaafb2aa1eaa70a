#include "cassle/eval/on_embeddings/retrieval_stage.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <set>
#include <string>

#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/dataset_testutil.h"
#include "cassle/eval/on_embeddings/retrieval_grid.h"
#include "cassle/eval/result/evaluation_testutil.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Features of the clusters, pictures of the built-in data set.
class RetrievalStageTest : public EvaluationStageTest {
 protected:
  void SetUp() override {
    EvaluationStageTest::SetUp();
    ASSERT_OK(WriteShapesDataset(Path("images"), 120, 60));
    ASSERT_OK_AND_ASSIGN(const v1::StageManifest manifest, ReadManifest(Path("images")));
    train_.metadata["dataset_fingerprint"] = manifest.fingerprint();
    test_ = EmbeddingsFixture::Clusters(60, 7, 120, 2);
    test_.metadata["dataset_fingerprint"] = manifest.fingerprint();
    test_.metadata["split"] = "test";
    options_.set_train(Path("train"));
    options_.set_test(Path("test"));
    options_.set_images(Path("images"));
    options_.set_output(Path("result"));
  }
  absl::Status Run() { return RunEvaluation(RetrievalInfo(), options_, RunRetrieval); }

  v1::RetrievalOptions options_;
};

TEST_F(RetrievalStageTest, RowsWithoutAClassAreNeitherAskedNorFound) {
  options_.set_k(4);
  options_.set_num_queries(59);
  for (int row : {1, 7, 30}) train_.classes["labels"][row] = -1;
  test_.classes["labels"][5] = -1;
  ASSERT_OK(Run());
  EXPECT_THAT(result_.warnings(),
              ElementsAre("3 of 120 rows of --train have no class of label and are left out",
                          "1 of 60 rows of --test have no class of label and are left out"));
  EXPECT_EQ(result_.scores(0).num_test(), 59);
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       SafetensorsFile::Open(Path("result/neighbors.safetensors")));
  const auto queries = file.Get("query_ids")->values<int64_t>();
  const auto found = file.Get("neighbor_ids")->values<int64_t>();
  EXPECT_EQ(queries.size(), 59);
  EXPECT_EQ(std::count(queries.begin(), queries.end(), 125), 0);
  for (int id : {1, 7, 30}) EXPECT_EQ(std::count(found.begin(), found.end(), id), 0);
  // What is learnt from is as without these rows.
  const double score = ScoreOf("label, precision at 4");
  train_ = train_.Without({1, 7, 30});
  test_ = test_.Without({5});
  ASSERT_OK(Run());
  EXPECT_EQ(ScoreOf("label, precision at 4"), score);
  test_.classes["labels"][5] = -1;
  options_.add_query_ids(test_.ids[5]);
  ASSERT_OK(RemoveAll(Path("result")));
  ExpectFailure(Run(), 64, {"--query_ids: image 126 has no class of label"});
}

TEST_F(RetrievalStageTest, ShowsQueriesAndReportsPrecisionOverAllImages) {
  options_.add_target("all");
  options_.set_k(4);
  options_.set_num_queries(3);
  ASSERT_OK(Run());
  EXPECT_GT(ScoreOf("label, precision at 4"), 0.8);
  EXPECT_NEAR(ScoreOf("parity, precision at 4"), 0.5, 0.1);
  EXPECT_EQ(result_.scores(0).num_test(), 60);
  EXPECT_NEAR(result_.scores(0).chance(), 1.0 / 3, 1e-12);
  ASSERT_EQ(result_.pictures_size(), 2);
  EXPECT_EQ(result_.pictures(1).file(), "retrieval_parity.png");
  ASSERT_OK_AND_ASSIGN(const std::string png, ReadFile(Path("result/retrieval_label.png")));
  RgbImage picture;
  ASSERT_OK(DecodeImage(png, &picture));
  // Three rows of a query and four neighbours.
  EXPECT_GT(picture.width, 5 * 96);
  EXPECT_GT(picture.height, 3 * 96);
  std::set<std::vector<uint8_t>> colors;
  for (int x = 0; x < picture.width; ++x) {
    const uint8_t* pixel = picture.At(60, x);
    colors.insert({pixel, pixel + 3});
  }
  // A green frame: the clusters are well apart.
  EXPECT_EQ(colors.count({0, 158, 115}), 1);
  ASSERT_OK_AND_ASSIGN(const std::string page, ReadFile(Path("result/retrieval_label.html")));
  EXPECT_THAT(page, HasSubstr("<figure class=\"right\">"));
  EXPECT_THAT(page, HasSubstr("src=\"data:image/png;base64,iVBOR"));
  EXPECT_THAT(page, Not(HasSubstr("http")));
  EXPECT_THAT(page, Not(HasSubstr("<script")));
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       SafetensorsFile::Open(Path("result/neighbors.safetensors")));
  EXPECT_THAT(file.Get("neighbor_ids")->shape, ElementsAre(3, 4));
  for (int64_t id : file.Get("query_ids")->values<int64_t>()) EXPECT_GE(id, 120);
  for (int64_t id : file.Get("neighbor_ids")->values<int64_t>()) EXPECT_LT(id, 120);
}

TEST_F(RetrievalStageTest, PrecisionIsThePartOfNeighboursOfTheQuerysClass) {
  // Test row 0 (class 0) equals train rows 0, 1 and 3: two of its three nearest are right.
  test_ = EmbeddingsFixture::Clusters(1, 7, 120, 2);
  test_.metadata["dataset_fingerprint"] = train_.metadata["dataset_fingerprint"];
  test_.metadata["split"] = "test";
  for (int row : {0, 1, 3}) {
    for (int j = 0; j < 7; ++j) train_.features[row * 7 + j] = test_.features[j];
  }
  options_.set_k(3);
  ASSERT_OK(Run());
  EXPECT_NEAR(ScoreOf("label, precision at 3"), 2.0 / 3, 1e-12);
}

TEST_F(RetrievalStageTest, TakesNamedQueriesInTheirOrderAndOneSet) {
  options_.clear_test();
  options_.add_query_ids(77);
  options_.add_query_ids(5);
  ASSERT_OK(Run());
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       SafetensorsFile::Open(Path("result/neighbors.safetensors")));
  EXPECT_THAT(file.Get("query_ids")->values<int64_t>(), ElementsAre(77, 5));
  const auto found = file.Get("neighbor_ids")->values<int64_t>();
  for (int i = 0; i < 5; ++i) EXPECT_NE(found[i], 77);
}

TEST_F(RetrievalStageTest, ThreadsChangeNoByteAndTheSeedDoes) {
  ASSERT_OK(Run());
  const std::string before = fingerprint_;
  settings_.threads = 3;
  ASSERT_OK(Run());
  EXPECT_EQ(fingerprint_, before);
  options_.set_seed(4);
  ASSERT_OK(Run());
  EXPECT_NE(fingerprint_, before);
}

TEST_F(RetrievalStageTest, RefusesImagesThatTheEmbeddingsWereNotMadeOf) {
  test_.metadata["dataset_fingerprint"] = "eeee";
  ExpectFailure(Run(), 65, {"--images=", "is not what --test was made of", "eeee"});
  test_.metadata["dataset_fingerprint"] = train_.metadata["dataset_fingerprint"];
  test_.ids[4] = 100000;
  options_.add_query_ids(100000);
  ExpectFailure(Run(), 65, {"split 'test' has no image 100000"});
}

TEST_F(RetrievalStageTest, RefusesOneClassAndBrokenAndEmptyEmbeddings) {
  for (int64_t& label : train_.classes["labels"]) label = 2;
  ExpectFailure(Run(), 65, {"every row of --train has class 2 (c)"});
  train_.features[9] = NAN;
  ExpectFailure(Run(), 65, {"--train", "features[1, 2]"});
  test_.metadata["weights_fingerprint"] = "vvvv";
  train_.features[9] = 0;
  ExpectFailure(Run(), 65, {"another encoder"});
  test_.features.clear();
  test_.ids.clear();
  test_.classes.clear();
  ExpectFailure(Run(), 65, {"--test", "nothing to work on"});
}

TEST_F(RetrievalStageTest, RefusesSeveralRowsOfAnImage) {
  train_.metadata["crops"] = "ten";
  ExpectFailure(Run(), 65, {"--train has ten rows per image"});
  train_.metadata["rows_per_image"] = "16";
  ExpectFailure(Run(), 65, {"--train has 16 rows per image", "spectrum and project"});
}

TEST_F(RetrievalStageTest, RefusesBadSettings) {
  options_.add_query_ids(3);
  ExpectFailure(Run(), 64, {"--query_ids: image 3 is not in the embeddings"});
  options_.set_query_ids(0, 125);
  options_.add_query_ids(125);
  ExpectFailure(Run(), 64, {"--query_ids: image 125 twice"});
  options_.clear_query_ids();
  options_.set_num_queries(0);
  ExpectFailure(Run(), 64, {"--num_queries=0: expected 1 to 100"});
  options_.set_num_queries(3);
  options_.set_k(0);
  ExpectFailure(Run(), 64, {"--k=0"});
  options_.set_k(1);
  options_.clear_images();
  ExpectFailure(Run(), 64, {"--images is missing"});
}

TEST_F(RetrievalStageTest, RefusesMoreNeighboursThanThereAre) {
  train_ = EmbeddingsFixture::Clusters(4, 7, 0, 1);
  train_.metadata["dataset_fingerprint"] = test_.metadata["dataset_fingerprint"];
  ExpectFailure(Run(), 65, {"--k=5", "4 neighbours"});
}

TEST_F(RetrievalStageTest, StopsWhenInterrupted) {
  const std::atomic<bool> interrupted{true};
  settings_.interrupted = &interrupted;
  ExpectFailure(Run(), 75, {"interrupted"});
}

TEST(RetrievalGridTest, ALetterThatIsNoAsciiTakesTheRoomOfOne) {
  const auto drawn = [](const std::string& letter) {
    GridRow row;
    row.query.image.Resize(2, 2);
    for (int i = 0; i < 10; ++i) row.query.caption += letter;
    return DrawRetrievalGrid("title", {row}).pixels;
  };
  EXPECT_EQ(drawn("\u732b"), drawn("?"));
  EXPECT_EQ(drawn("\u00e9"), drawn("e"));
}

}  // namespace
}  // namespace cassle
