#include "cassle/eval/on_images/predicted_views.h"

#include <cmath>
#include <vector>

#include "cassle/base/philox.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/probes/view_retrieval.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

constexpr int64_t kImages = 60, kViews = 8, kFeatures = 6, kParameters = 2;
constexpr ViewParts kParts = {.num_test = 20, .num_val = 10};

// Features are the image's own values, moved along a direction per parameter by `moved` times the
// parameter.
EncodedViews MakeViews(double moved) {
  EncodedViews encoded = {
      .views = kViews, .feature_size = kFeatures, .num_parameters = kParameters};
  Philox random(StreamKey{1});
  for (int64_t image = 0; image < kImages; ++image) {
    double own[kFeatures], first[kParameters] = {};
    for (double& value : own) value = 3 * random.NextGaussian();
    for (int64_t view = 0; view < kViews; ++view) {
      const double parameters[] = {random.NextGaussian(), random.Bernoulli(0.5) ? 1.0 : 0.0};
      for (int64_t k = 0; k < kParameters; ++k) {
        if (view == 0) first[k] = parameters[k];
        encoded.parameters.push_back(static_cast<float>(parameters[k]));
        encoded.relative.push_back(static_cast<float>(parameters[k] - first[k]));
      }
      for (int64_t i = 0; i < kFeatures; ++i) {
        const double motion = i < kParameters ? moved * parameters[i] : 0;
        encoded.features.push_back(static_cast<float>(own[i] + motion));
      }
    }
  }
  return encoded;
}

TEST(PredictedViewsTest, FeaturesThatMoveWithTheParametersAreFoundIfTheMapIsToldThem) {
  const EncodedViews encoded = MakeViews(1);
  ASSERT_EQ(encoded.images(), kImages);
  ASSERT_OK_AND_ASSIGN(const ViewScores told, ScoreViews(encoded, kParts, /*told=*/true));
  EXPECT_GT(told.mean_reciprocal_rank, 0.99);
  EXPECT_GT(told.hits_at_1, 0.99);
  EXPECT_EQ(told.hits_at_5, 1);
  for (const double error : told.retrieval_errors) EXPECT_LT(error, 0.02);
  ASSERT_OK_AND_ASSIGN(const ViewScores untold, ScoreViews(encoded, kParts, /*told=*/false));
  EXPECT_LT(untold.mean_reciprocal_rank, 0.6);
  EXPECT_GT(untold.retrieval_errors[0], 0.2);
}

TEST(PredictedViewsTest, ViewsThatAreAllAlikeAreNeverFound) {
  const EncodedViews encoded = MakeViews(0);
  for (const bool told : {true, false}) {
    ASSERT_OK_AND_ASSIGN(const ViewScores scores, ScoreViews(encoded, kParts, told));
    EXPECT_DOUBLE_EQ(scores.mean_reciprocal_rank, 1.0 / kViews);
    EXPECT_EQ(scores.hits_at_5, 0);
    EXPECT_LT(scores.mean_reciprocal_rank, RandomReciprocalRank(kViews));
  }
}

TEST(PredictedViewsTest, ThreadsChangeNothingAndTestImagesAreNotLearntFrom) {
  EncodedViews encoded = MakeViews(1);
  ASSERT_OK_AND_ASSIGN(const ViewScores one, ScoreViews(encoded, kParts, true));
  ViewParts threads = kParts;
  threads.threads = 3;
  ASSERT_OK_AND_ASSIGN(const ViewScores three, ScoreViews(encoded, threads, true));
  EXPECT_EQ(one.retrieval_errors, three.retrieval_errors);
  // Whatever the parameters of the test views do, the map has not seen them.
  for (int64_t i = 0; i < kParts.num_test * kViews * kParameters; ++i) encoded.relative[i] *= -1;
  ASSERT_OK_AND_ASSIGN(const ViewScores misled, ScoreViews(encoded, kParts, true));
  EXPECT_LT(misled.mean_reciprocal_rank, one.mean_reciprocal_rank - 0.3);
}

}  // namespace
}  // namespace cassle
