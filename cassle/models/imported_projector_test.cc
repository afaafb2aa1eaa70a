// Projectors beside imported backbones: which are imported, which are left out, and what is said.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/import_weights_testutil.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/projector_folder.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr int64_t kFeatures = 64;  // Of a resnet18 an eighth as wide.

std::vector<WeightArray> Network(const char* prefix) {
  return ArraysOf(*Make("resnet18", 32, 0.125), absl::StrCat(prefix, "backbone."));
}

// As the authors of CASSLE call it.
std::string AuthorsName(const std::string& ours) {
  absl::string_view name = ours;
  if (absl::ConsumePrefix(&name, "conditioner.")) return absl::StrCat("aug_processor.", name);
  absl::ConsumePrefix(&name, "mlp.");
  return absl::StrCat("projector.", name);
}

// As solo-learn calls it.
std::string PlainName(const std::string& ours) {
  return std::string(absl::StripPrefix(ours, "mlp."));
}

std::vector<WeightArray> Projector(const v1::ConditioningConfig& config, const MlpOptions& mlp,
                                   const char* prefix, NameMap rename) {
  const auto projector = MakeConditionedProjector(config, /*descriptor_size=*/14, mlp, 3).value();
  return ArraysOf(*projector, prefix, rename);
}

void Append(const std::vector<WeightArray>& more, std::vector<WeightArray>* arrays) {
  arrays->insert(arrays->end(), more.begin(), more.end());
}

struct Outcome {
  std::string result, notes, output;
};

absl::StatusOr<Outcome> ImportArrays(const std::vector<WeightArray>& arrays) {
  const std::string output = Fresh("with_projector");
  const auto outcome = ImportFile(Written("with_projector.pth", arrays), output);
  if (!outcome.ok()) return outcome.status();
  return Outcome{outcome->manifest.result_json(), absl::StrJoin(outcome->manifest.notes(), "; "),
                 output};
}

void SetNan(WeightArray* array) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::memcpy(&array->bytes[0], &nan, sizeof(nan));
}

TEST(ImportedProjectorTest, TheAuthorsCheckpointBringsItsProjector) {
  v1::ConditioningConfig config;
  config.set_treatment(v1::MLP);
  config.set_injection(v1::CONCATENATION);
  std::vector<WeightArray> arrays = Network("");
  Append(Projector(config, {.in = kFeatures, .hidden = 48, .out = 16}, "projector.", AuthorsName),
         &arrays);
  arrays.push_back(Zeros("optimizer_0.state.0.momentum_buffer", {3}));
  ASSERT_OK_AND_ASSIGN(const Outcome imported, ImportArrays(arrays));
  EXPECT_THAT(imported.result,
              AllOf(HasSubstr("\"prefix\":\"backbone.\""), HasSubstr("optimizer_0 (1 tensor)"),
                    Not(HasSubstr("\"projector_tensors\":0"))));
  EXPECT_THAT(imported.notes, Not(HasSubstr("projector")));
  ASSERT_OK_AND_ASSIGN(const auto projector, LoadProjector(imported.output));
  ASSERT_NE(projector, nullptr);
  EXPECT_EQ(projector->spec().descriptor_size(), 14);
  EXPECT_EQ(projector->spec().mlp().hidden(), 48);
}

// solo-learn's BYOL: linear layers have a bias before their batch norm.
TEST(ImportedProjectorTest, AProjectorThatNoneHereIsBuiltLikeIsLeftOutWithTheReason) {
  std::vector<WeightArray> arrays = Network("state_dict.");
  Append(
      Projector({}, {.in = kFeatures, .hidden = 9, .out = 7}, "state_dict.projector.", PlainName),
      &arrays);
  arrays.push_back(Zeros("state_dict.projector.0.bias", {9}));
  SetNan(&arrays.back());
  ASSERT_OK_AND_ASSIGN(const Outcome imported, ImportArrays(arrays));
  EXPECT_THAT(imported.notes, AllOf(HasSubstr("the projector was left out, as none here is built"),
                                    HasSubstr("1 unexpected: mlp.0.bias"),
                                    HasSubstr("left out: state_dict.projector (9 tensors)")));
  EXPECT_THAT(imported.result, HasSubstr("\"projector_tensors\":0"));
  ASSERT_OK_AND_ASSIGN(const auto projector, LoadProjector(imported.output));
  EXPECT_EQ(projector, nullptr);
}

TEST(ImportedProjectorTest, HiddenLayersOfSeveralSizesAreLeftOutBeforeOneIsBuilt) {
  std::vector<WeightArray> arrays = Network("");
  // A layer of this width at both ends takes 4 GiB.
  arrays.push_back(Zeros("projector.0.weight", {1 << 15, kFeatures}));
  arrays.push_back(Zeros("projector.1.running_mean", {1 << 15}));
  arrays.push_back(Zeros("projector.3.weight", {2, 1 << 15}));
  arrays.push_back(Zeros("projector.6.weight", {2, 2}));
  ASSERT_OK_AND_ASSIGN(const Outcome imported, ImportArrays(arrays));
  EXPECT_THAT(imported.notes, HasSubstr("its linear layer 3 is [2, 32768]"));
}

// solo-learn's SimCLR: Linear, ReLU, Linear; DINO's has GELU between the same shapes.
TEST(ImportedProjectorTest, AnActivationThatNothingTellsIsNoted) {
  std::vector<WeightArray> arrays = Network("state_dict.");
  Append(Projector({}, {.in = kFeatures, .hidden = 9, .out = 7, .hidden_norm = false},
                   "state_dict.projector.", PlainName),
         &arrays);
  ASSERT_OK_AND_ASSIGN(const Outcome imported, ImportArrays(arrays));
  EXPECT_THAT(imported.notes, AllOf(HasSubstr("do not tell its activation"),
                                    HasSubstr("--backbone_only=true"), Not(HasSubstr("left out"))));
  EXPECT_THAT(imported.result,
              AllOf(HasSubstr("\"projector_tensors\":4"), Not(HasSubstr("state_dict.projector"))));
  EXPECT_THAT(LoadProjector(imported.output), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                       HasSubstr("do not tell its activation")));
  SetNan(&arrays.back());
  EXPECT_THAT(ImportArrays(arrays),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("with_projector.pth: tensor state_dict.projector.2.bias"),
                             HasSubstr("not finite"))));
}

}  // namespace
}  // namespace cassle
