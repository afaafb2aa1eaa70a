#include "cassle/eval/on_embeddings/project_stage.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <set>
#include <string>

#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/eval/charts/svg_check.h"
#include "cassle/eval/result/evaluation_testutil.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

int Count(const std::string& text, const std::string& word) {
  int count = 0;
  for (size_t at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++count;
  return count;
}

class ProjectStageTest : public EvaluationStageTest {
 protected:
  void SetUp() override {
    EvaluationStageTest::SetUp();
    options_.set_embeddings(Path("train"));
    options_.set_output(Path("result"));
    options_.set_iterations(60);
  }
  absl::Status Run() { return RunEvaluation(ProjectInfo(), options_, RunProject); }
  std::string Svg(const std::string& name) const {
    return ReadFile(Path("result/" + name)).value_or("");
  }

  v1::ProjectOptions options_;
};

TEST_F(ProjectStageTest, DrawsEveryPointOfEveryTarget) {
  options_.add_target("all");
  train_.metadata["classes"] = "[\"a\",\"<b & \\\"c\\\">\",\"d\"]";
  ASSERT_OK(Run());
  EXPECT_GT(ScoreOf("t-SNE divergence"), 0);
  ASSERT_EQ(result_.pictures_size(), 2);
  EXPECT_EQ(result_.pictures(0).file(), "project_label.svg");
  EXPECT_EQ(result_.pictures(1).title(), "t-SNE of the features, by parity");
  const std::string label = Svg("project_label.svg"), parity = Svg("project_parity.svg");
  // 120 points and the legend.
  EXPECT_EQ(Count(label, "<use "), 123);
  EXPECT_EQ(Count(parity, "<use "), 122);
  EXPECT_EQ(Count(label, "href=\"#k2\""), 41);
  EXPECT_THAT(label, HasSubstr("&lt;b &amp; "));
  EXPECT_THAT(label, Not(HasSubstr("<b")));
  // What report accepts.
  EXPECT_OK(CheckSvg(label));
  EXPECT_OK(CheckSvg(parity));
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile file,
                       SafetensorsFile::Open(Path("result/points.safetensors")));
  EXPECT_THAT(file.Get("points")->shape, ElementsAre(120, 2));
}

TEST_F(ProjectStageTest, ShowsAsManyPointsAsAskedFor) {
  options_.set_max_points(50);
  options_.set_method(v1::ProjectOptions::PCA);
  ASSERT_OK(Run());
  EXPECT_EQ(Count(Svg("project_label.svg"), "<use "), 53);
  EXPECT_GT(ScoreOf("variance in the plane"), 2.0 / 7);
  EXPECT_LT(ScoreOf("variance in the plane"), 1);
  EXPECT_THAT(Svg("project_label.svg"), HasSubstr("component 2 ("));
  const std::string before = fingerprint_;
  options_.set_seed(1);
  ASSERT_OK(Run());
  EXPECT_NE(fingerprint_, before);
}

TEST_F(ProjectStageTest, ThreadsChangeNoByte) {
  ASSERT_OK(Run());
  const std::string before = fingerprint_;
  settings_.threads = 3;
  ASSERT_OK(Run());
  EXPECT_EQ(fingerprint_, before);
}

TEST_F(ProjectStageTest, NeedsNeitherLabelsNorTwoFeaturesNorTwoClasses) {
  options_.set_method(v1::ProjectOptions::PCA);
  std::fill(train_.classes["labels"].begin(), train_.classes["labels"].end(), 1);
  EXPECT_OK(Run());
  train_ = EmbeddingsFixture::Clusters(120, 1, 0, 1);
  train_.classes.clear();
  ASSERT_OK(Run());
  EXPECT_EQ(result_.pictures(0).file(), "project.svg");
  EXPECT_EQ(Count(Svg("project.svg"), "<use "), 120);
  EXPECT_NEAR(ScoreOf("variance in the plane"), 1, 1e-12);
}

TEST_F(ProjectStageTest, RepeatsNoLookAmongFortyClasses) {
  options_.set_method(v1::ProjectOptions::PCA);
  train_.metadata.erase("classes");
  for (int i = 0; i < 120; ++i) train_.classes["labels"][i] = i % 45;
  ASSERT_OK(Run());
  const std::string svg = Svg("project_label.svg");
  std::set<std::string> looks;
  for (int c = 0; c < 40; ++c) {
    const size_t at = svg.find("<g id=\"k" + std::to_string(c) + "\"");
    ASSERT_NE(at, std::string::npos);
    const size_t begin = svg.find("fill=", at);
    looks.insert(svg.substr(begin, svg.find("</g>", at) - begin));
  }
  EXPECT_EQ(looks.size(), 40);
  EXPECT_THAT(svg, HasSubstr(">and 5 more, in gray<"));
}

TEST_F(ProjectStageTest, EveryTargetHasAPictureOfItsOwn) {
  options_.set_method(v1::ProjectOptions::PCA);
  for (const char* name : {"a.b", "a_b", "\u00e9", "\u00fc"}) {
    train_.classes[std::string("target.") + name] = train_.classes["target.parity"];
    options_.add_target(name);
  }
  ASSERT_OK(Run());
  std::vector<std::string> files;
  for (const v1::Picture& picture : result_.pictures()) files.push_back(picture.file());
  EXPECT_THAT(files, ElementsAre("project_a%2Eb.svg", "project_a_b.svg", "project_%C3%A9.svg",
                                 "project_%C3%BC.svg"));
  for (const std::string& file : files) EXPECT_EQ(Count(Svg(file), "<use "), 122);
}

TEST_F(ProjectStageTest, RefusesTooFewImagesForThePerplexity) {
  options_.set_perplexity(40);
  ExpectFailure(Run(), 65, {"--perplexity=40 needs 121 images, there are 120", "at most 39"});
  // Of three images no perplexity makes a map.
  const EmbeddingsFixture all = train_;
  train_ = EmbeddingsFixture::Clusters(3, 7, 0, 1);
  ExpectFailure(Run(), 65, {"there are 3: choose --method=pca"});
  train_ = all;
}

TEST_F(ProjectStageTest, RefusesBrokenCollapsedAndEmptyEmbeddings) {
  train_.features[15] = NAN;
  ExpectFailure(Run(), 65, {"--embeddings", "features[2, 1]"});
  std::fill(train_.features.begin(), train_.features.end(), 0.1f);
  ExpectFailure(Run(), 65, {"all images have the same features"});
  train_ = EmbeddingsFixture::Clusters(2, 7, 0, 1);
  ExpectFailure(Run(), 65, {"has 2 images"});
  train_.features.clear();
  train_.ids.clear();
  train_.classes.clear();
  ExpectFailure(Run(), 65, {"nothing to work on"});
}

TEST_F(ProjectStageTest, RefusesBadSettings) {
  options_.set_max_points(5001);
  ExpectFailure(Run(), 64, {"--max_points=5001"});
  options_.set_max_points(100);
  options_.set_perplexity(0.5);
  ExpectFailure(Run(), 64, {"--perplexity=0.5"});
  options_.set_perplexity(NAN);
  ExpectFailure(Run(), 64, {"--perplexity=nan"});
  options_.set_perplexity(5);
  options_.set_iterations(3);
  ExpectFailure(Run(), 64, {"--iterations=3"});
  options_.set_iterations(50);
  options_.add_target("hue");
  ExpectFailure(Run(), 65, {"no target 'hue'"});
  options_.clear_embeddings();
  ExpectFailure(Run(), 64, {"--embeddings is missing"});
}

TEST_F(ProjectStageTest, StopsWhenInterrupted) {
  const std::atomic<bool> interrupted{true};
  settings_.interrupted = &interrupted;
  ExpectFailure(Run(), 75, {"interrupted"});
}

}  // namespace
}  // namespace cassle
