#include "cassle/eval/on_embeddings/spectrum_stage.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "cassle/base/safetensors.h"
#include "cassle/eval/result/evaluation_testutil.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

class SpectrumStageTest : public EvaluationStageTest {
 protected:
  void SetUp() override {
    EvaluationStageTest::SetUp();
    train_ = EmbeddingsFixture::Clusters(300, 64, 0, 1);
    options_.set_embeddings(Path("train"));
    options_.set_output(Path("result"));
  }
  absl::Status Run() { return RunEvaluation(SpectrumInfo(), options_, RunSpectrum); }

  v1::SpectrumOptions options_;
};

TEST_F(SpectrumStageTest, ReportsRankExponentAndCharts) {
  ASSERT_OK(Run());
  EXPECT_GT(ScoreOf("RankMe"), 40);
  EXPECT_LT(ScoreOf("RankMe"), 64);
  EXPECT_GT(ScoreOf("components for 90 %"), 30);
  EXPECT_GT(ScoreOf("alpha"), 0);
  EXPECT_EQ(result_.warnings_size(), 0);
  ASSERT_EQ(result_.charts_size(), 2);
  EXPECT_EQ(result_.charts(0).series_size(), 2);
  EXPECT_EQ(result_.charts(0).series(0).x_size(), 64);
  EXPECT_NEAR(result_.charts(1).series(0).y(63), 1, 1e-12);
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       SafetensorsFile::Open(Path("result/spectrum.safetensors")));
  EXPECT_EQ(file.Get("explained_variance_ratio")->values<double>()[3],
            result_.charts(0).series(0).y(3));
  EXPECT_EQ(file.Get("singular_values")->shape[0], 64);
}

TEST_F(SpectrumStageTest, ThreadsChangeNoByte) {
  ASSERT_OK(Run());
  const std::string before = fingerprint_;
  settings_.threads = 3;
  ASSERT_OK(Run());
  EXPECT_EQ(fingerprint_, before);
}

TEST_F(SpectrumStageTest, WarnsWhereTheFitHasFewComponents) {
  train_ = EmbeddingsFixture::Clusters(120, 30, 0, 1);
  ASSERT_OK(Run());
  ASSERT_EQ(result_.warnings_size(), 1);
  EXPECT_THAT(result_.warnings(0), HasSubstr("6 to 30 instead of 6 to 50"));
  train_ = EmbeddingsFixture::Clusters(120, 7, 0, 1);
  ASSERT_OK(Run());
  EXPECT_EQ(result_.scores_size(), 2);
  ASSERT_EQ(result_.warnings_size(), 1);
  EXPECT_THAT(result_.warnings(0), HasSubstr("no alpha: 7 components"));
}

TEST_F(SpectrumStageTest, NeedsNoLabels) {
  train_.classes.clear();
  EXPECT_OK(Run());
}

TEST_F(SpectrumStageTest, RefusesCollapsedAndSingleAndBrokenFeatures) {
  std::fill(train_.features.begin(), train_.features.end(), 0.7f);
  ExpectFailure(Run(), 65, {"all images have the same features"});
  train_.features[65] = NAN;
  ExpectFailure(Run(), 65, {"--embeddings", "features[1, 1]"});
  train_ = EmbeddingsFixture::Clusters(1, 64, 0, 1);
  ExpectFailure(Run(), 65, {"one image"});
  train_.features.clear();
  train_.ids.clear();
  train_.classes.clear();
  ExpectFailure(Run(), 65, {"nothing to work on"});
  options_.clear_embeddings();
  ExpectFailure(Run(), 64, {"--embeddings is missing"});
}

}  // namespace
}  // namespace cassle
