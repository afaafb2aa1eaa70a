// What the settings of single methods do. Linked into method_test.
#include <ATen/TensorOperators.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/testing/golden_tensor.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/objectives/objectives.h"
#include "cassle/ssl/optimizers/optimizer.h"
#include "cassle/ssl/testing/tiny_backbone.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(MocoV2Test, KeysOrQueriesEnterTheQueue) {
  v1::MethodConfig config;
  config.mutable_moco_v2()->set_queue_size(2 * kBatch);
  struct Case {
    v1::Enqueue enqueue;
    bool official;
    bool keys;
  };
  for (const auto& [enqueue, official, keys] :
       {Case{v1::KEYS, false, true}, Case{v1::QUERIES, false, false},
        Case{v1::ENQUEUE_UNSPECIFIED, false, true}, Case{v1::ENQUEUE_UNSPECIFIED, true, false},
        Case{v1::KEYS, true, true}}) {
    config.mutable_moco_v2()->clear_enqueue();
    if (enqueue != v1::ENQUEUE_UNSPECIFIED) config.mutable_moco_v2()->set_enqueue(enqueue);
    MethodSetup setup = TinySetup(kBatch, 0);
    setup.official = official;
    ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, setup));
    const MethodOutput output = method->Forward(RandomBatch(1));
    method->AfterStep();
    const at::Tensor& expected = keys ? output.z2 : output.z1;
    const at::Tensor rows = method->other_state()[0].tensor.narrow(0, 0, kBatch);
    EXPECT_LT(LargestDifference(rows, expected / expected.norm(2, {1}, true)), 1e-6);
  }
}

TEST(MocoV2Test, KeysAreToldOfTheirViewsOrNot) {
  v1::MethodConfig config;
  config.mutable_moco_v2()->set_queue_size(2 * kBatch);
  MethodSetup setup = TinySetup(kBatch, kDescriptor);
  setup.conditioning.set_treatment(v1::MLP);
  Batch batch = RandomBatch(1);
  Batch other = batch;
  other.views[1].descriptors = other.views[1].descriptors + 1;
  const auto keys = [&](bool told, const Batch& of) {
    config.mutable_moco_v2()->set_tell_keys(told);
    return MakeMethod(config, setup).value()->Forward(of).z2;
  };
  // Batch norm of the embedding takes a shift away: one row is told more than the others.
  other.views[1].descriptors[0] += 3;
  EXPECT_FALSE(at::equal(keys(true, batch), keys(true, other)));
  EXPECT_TRUE(at::equal(keys(false, batch), keys(false, other)));
  batch.views[1].descriptors = at::zeros_like(batch.views[1].descriptors);
  EXPECT_TRUE(at::equal(keys(true, batch), keys(false, other)));

  setup.conditioning.set_treatment(v1::NONE);
  config.mutable_moco_v2()->set_tell_keys(false);
  EXPECT_THAT(MakeMethod(config, setup), StatusIs(absl::StatusCode::kInvalidArgument,
                                                  HasSubstr("--method.moco_v2.tell_keys=false")));
}

TEST(MocoV2Test, ProjectorsHaveAsManyLayersAsChosen) {
  v1::MethodConfig config;
  for (const int depth : {1, 2, 3}) {
    config.mutable_moco_v2()->set_projector_depth(depth);
    ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, TinySetup(64, 0)));
    int layers = 0;
    for (const NamedTensor& parameter : method->projector().named_parameters()) {
      layers += parameter.tensor.dim() == 2;
    }
    EXPECT_EQ(layers, depth);
  }
}

TEST(MocoV2Test, ExplainsAQueueThatIsNoMultipleOfTheBatch) {
  v1::MethodConfig config;
  config.mutable_moco_v2()->set_queue_size(100);
  EXPECT_THAT(MakeMethod(config, TinySetup(48, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("queue_size=100 is not a multiple of the batch size 48; the "
                                 "nearest that are: 96 and 144")));
  config.mutable_moco_v2()->set_queue_size(10);
  EXPECT_THAT(MakeMethod(config, TinySetup(48, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the nearest that are: 48")));
}

TEST(SimclrTest, NegativesAreThoseOfTheBatchOrOfAGroup) {
  for (const int groups : {1, 2, 4}) {
    v1::MethodConfig config;
    config.mutable_simclr()->set_negative_groups(groups);
    ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, TinySetup(kBatch, 0)));
    const MethodOutput output = method->Forward(RandomBatch(1));
    const int64_t count = kBatch / groups;
    double sum = 0;
    for (int group = 0; group < groups; ++group) {
      sum += NtXentLoss(output.z1.narrow(0, group * count, count),
                        output.z2.narrow(0, group * count, count), 0.2)
                 .item()
                 .toDouble();
    }
    EXPECT_NEAR(output.loss.item().toDouble(), sum / groups, 1e-6) << groups;
  }
  v1::MethodConfig config;
  config.mutable_simclr()->set_negative_groups(3);
  EXPECT_THAT(MakeMethod(config, TinySetup(kBatch, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--method.simclr.negative_groups=3: it must divide the 8")));
  // With gradient accumulation a part is all that there is.
  config.mutable_simclr()->set_negative_groups(4);
  MethodSetup setup = TinySetup(kBatch, 0);
  setup.part_size = kBatch / 2;
  EXPECT_THAT(MakeMethod(config, setup),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("must divide the 4 images")));
}

std::vector<int64_t> ShapeOf(const Method& method, const std::string& name) {
  for (const NamedTensor& entry : method.state()) {
    if (entry.name == name) return entry.tensor.sizes().vec();
  }
  return {};
}

TEST(ByolTest, HiddenLayerIsThePapersOrAsWideAsTheFeaturesWithCompatOfficial) {
  v1::MethodConfig config;
  config.mutable_byol()->set_predictor_hidden_size(8);
  MethodSetup setup = TinySetup(kBatch, 0);
  ASSERT_OK_AND_ASSIGN(const auto correct, MakeMethod(config, setup));
  EXPECT_THAT(ShapeOf(*correct, "projector.mlp.0.weight"), ElementsAre(4096, 12));
  setup.official = true;
  ASSERT_OK_AND_ASSIGN(const auto official, MakeMethod(config, setup));
  EXPECT_THAT(ShapeOf(*official, "projector.mlp.0.weight"), ElementsAre(12, 12));
  EXPECT_THAT(ShapeOf(*official, "projector.mlp.3.weight"), ElementsAre(256, 12));
  config.mutable_byol()->set_hidden_size(20);
  ASSERT_OK_AND_ASSIGN(const auto chosen, MakeMethod(config, setup));
  EXPECT_THAT(ShapeOf(*chosen, "projector.mlp.0.weight"), ElementsAre(20, 12));
}

TEST(SimsiamTest, PredictorsRateIsConstant) {
  v1::MethodConfig config;
  v1::SimsiamConfig* simsiam = config.mutable_simsiam();
  simsiam->set_hidden_size(8);
  simsiam->set_projection_size(8);
  for (const bool constant : {true, false}) {
    simsiam->set_constant_predictor_rate(constant);
    ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, TinySetup(kBatch, 0)));
    EXPECT_THAT(GroupRates(method->parameter_groups(), 0.5, 0.1),
                ElementsAre(0.1, constant ? 0.5 : 0.1));
    EXPECT_EQ(method->parameter_groups()[1].parameters[0].name, "predictor.0.weight");
  }
}

TEST(SimsiamTest, ItsProjectorHasTheLayersThatAreAskedFor) {
  v1::MethodConfig config;
  v1::SimsiamConfig* simsiam = config.mutable_simsiam();
  simsiam->set_hidden_size(8);
  simsiam->set_projection_size(16);
  for (const int depth : {3, 2}) {
    // 3 by default.
    if (depth != 3) simsiam->set_projector_depth(depth);
    ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, TinySetup(kBatch, 0)));
    const std::string last = absl::StrCat("projector.mlp.", 3 * (depth - 1), ".weight");
    EXPECT_THAT(ShapeOf(*method, last), ElementsAre(16, 8));
  }
}

TEST(PredictorTest, IsConditionedOnlyWhereItIsAskedFor) {
  v1::MethodConfig byol, simsiam, moco_v3;
  byol.mutable_byol()->set_predictor_hidden_size(8);
  byol.mutable_byol()->set_hidden_size(8);
  simsiam.mutable_simsiam()->set_predictor_hidden_size(8);
  simsiam.mutable_simsiam()->set_hidden_size(8);
  moco_v3.mutable_moco_v3()->set_predictor_hidden_size(8);
  moco_v3.mutable_moco_v3()->set_hidden_size(8);
  MethodSetup setup = TinySetup(kBatch, 5);
  setup.conditioning.set_depth(1);
  setup.conditioning.set_width(3);
  for (const v1::MethodConfig& config : {byol, simsiam, moco_v3}) {
    for (const v1::Treatment treatment : {v1::NONE, v1::MLP}) {
      for (const bool asked : {false, true}) {
        setup.conditioning.set_treatment(treatment);
        setup.conditioning.set_predictor(asked);
        ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, setup));
        if (asked && treatment == v1::MLP) {
          EXPECT_THAT(ShapeOf(*method, "predictor.conditioner.0.weight"), ElementsAre(3, 5));
          EXPECT_EQ(ShapeOf(*method, "predictor.mlp.0.weight")[0], 8);
        } else {
          EXPECT_EQ(ShapeOf(*method, "predictor.0.weight")[0], 8);
        }
      }
    }
  }
}

TEST(BarlowTwinsTest, TrainsWithLarsOrAsTheAuthorsWithSgd) {
  v1::MethodConfig config;
  config.mutable_barlow_twins()->set_hidden_size(8);
  config.mutable_barlow_twins()->set_projection_size(8);
  MethodSetup setup = TinySetup(kBatch, 0);
  ASSERT_OK_AND_ASSIGN(const auto correct, MakeMethod(config, setup));
  EXPECT_EQ(MethodRecipe(config, false).optimizer, v1::LARS);
  setup.official = true;
  ASSERT_OK_AND_ASSIGN(const auto official, MakeMethod(config, setup));
  EXPECT_EQ(MethodRecipe(config, true).optimizer, v1::SGD);
  EXPECT_EQ(MethodRecipe(config, true).warmup_epochs, 10);
  for (const auto* method : {correct.get(), official.get()}) {
    EXPECT_THAT(GroupRates(method->parameter_groups(), 1, 1), ElementsAre(1, 0.024));
    for (const NamedTensor& bias : method->parameter_groups()[1].parameters) {
      EXPECT_EQ(bias.tensor.dim(), 1) << bias.name;
    }
  }
}

TEST(VicregTest, TrainsWithLarsAndItsLastLayerHasNeitherBiasNorNorm) {
  v1::MethodConfig config;
  config.mutable_vicreg()->set_hidden_size(8);
  config.mutable_vicreg()->set_projection_size(10);
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, TinySetup(kBatch, 0)));
  EXPECT_EQ(MethodRecipe(config, false).optimizer, v1::LARS);
  EXPECT_EQ(MethodRecipe(config, false).warmup_epochs, 10);
  EXPECT_THAT(ShapeOf(*method, "projector.mlp.0.weight"), ElementsAre(8, 12));
  EXPECT_THAT(ShapeOf(*method, "projector.mlp.3.weight"), ElementsAre(8, 8));
  EXPECT_EQ(method->trained_parameters().back().name, "projector.mlp.6.weight");
  EXPECT_THAT(ShapeOf(*method, "projector.mlp.6.weight"), ElementsAre(10, 8));
}

TEST(VicregTest, EachTermHasItsWeight) {
  const auto loss = [](double invariance, double variance, double covariance) {
    v1::MethodConfig config;
    config.mutable_vicreg()->set_hidden_size(8);
    config.mutable_vicreg()->set_projection_size(8);
    config.mutable_vicreg()->set_invariance_weight(invariance);
    config.mutable_vicreg()->set_variance_weight(variance);
    config.mutable_vicreg()->set_covariance_weight(covariance);
    const std::unique_ptr<Method> method = *MakeMethod(config, TinySetup(kBatch, 0));
    const MethodOutput output = method->Forward(RandomBatch(1));
    const double expected =
        VicregLoss(output.z1, output.z2, {invariance, variance, covariance}).item().toDouble();
    EXPECT_EQ(output.loss.item().toDouble(), expected);
    return expected;
  };
  EXPECT_EQ(loss(0, 0, 0), 0);
  EXPECT_GT(loss(1, 0, 0), 0);
  EXPECT_GT(loss(0, 1, 0), 0);
  EXPECT_GT(loss(0, 0, 1), 0);
}

// A handle of the state.
at::Tensor EntryOf(const Method& method, const std::string& name) {
  for (const NamedTensor& entry : method.state()) {
    if (entry.name == name) return entry.tensor.detach();
  }
  ADD_FAILURE() << name << " is missing";
  return at::Tensor();
}

// The momentum of one update, from a parameter that the online network has moved by 1.
double MomentumAt(const v1::MethodConfig& config, bool official, double progress) {
  MethodSetup setup = TinySetup(kBatch, 0);
  setup.official = official;
  const std::unique_ptr<Method> method = *MakeMethod(config, setup);
  const at::Tensor average = EntryOf(*method, "momentum_backbone.bn1.bias");
  EntryOf(*method, "backbone.bn1.bias").fill_(1);
  average.fill_(0);
  method->set_progress(progress);
  method->Forward(RandomBatch(1));
  method->AfterStep();
  return 1 - average.max().item().toDouble();
}

TEST(MomentumTest, RisesAlongACosineOrIsConstantAsTheAuthors) {
  v1::MethodConfig config;
  config.mutable_moco_v3()->set_hidden_size(8);
  config.mutable_moco_v3()->set_predictor_hidden_size(8);
  // float32 keeps 1 - momentum to 1e-7.
  EXPECT_NEAR(MomentumAt(config, false, 0), 0.99, 1e-6);
  EXPECT_NEAR(MomentumAt(config, false, 0.5), 0.995, 1e-6);
  EXPECT_NEAR(MomentumAt(config, false, 1), 1, 1e-6);
  EXPECT_NEAR(MomentumAt(config, true, 0), 0.999, 1e-6);
  EXPECT_NEAR(MomentumAt(config, true, 0.5), 0.999, 1e-6);
  config.mutable_byol()->set_hidden_size(8);
  config.mutable_byol()->set_predictor_hidden_size(8);
  for (const bool official : {false, true}) {
    EXPECT_NEAR(MomentumAt(config, official, 0), 0.996, 1e-6);
    EXPECT_NEAR(MomentumAt(config, official, 0.5), 0.998, 1e-6);
  }
}

TEST(MomentumTest, MocoV3FollowsBeforeItMakesTheKeysAndByolAfterTheStep) {
  // With momentum 0 the networks are copies after an update, whatever they were before.
  v1::MethodConfig moco_v3, byol;
  moco_v3.mutable_moco_v3()->set_momentum(0);
  moco_v3.mutable_moco_v3()->set_final_momentum(0);
  moco_v3.mutable_moco_v3()->set_hidden_size(8);
  moco_v3.mutable_moco_v3()->set_predictor_hidden_size(8);
  byol.mutable_byol()->set_momentum(0);
  byol.mutable_byol()->set_final_momentum(0);
  byol.mutable_byol()->set_hidden_size(8);
  byol.mutable_byol()->set_predictor_hidden_size(8);
  for (const v1::MethodConfig& config : {moco_v3, byol}) {
    ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, TinySetup(kBatch, 0)));
    const double loss = method->Forward(RandomBatch(1)).loss.item().toDouble();
    method->AfterStep();
    EntryOf(*method, "momentum_backbone.conv1.weight").mul_(-1);
    const double disturbed = method->Forward(RandomBatch(1)).loss.item().toDouble();
    method->AfterStep();
    const double restored = method->Forward(RandomBatch(1)).loss.item().toDouble();
    EXPECT_EQ(disturbed == loss, config.has_moco_v3());
    EXPECT_EQ(restored, loss);
  }
}

TEST(SettingsTest, AreCheckedByName) {
  // The ranges are those of the .proto files; a method sees no setting that is out of its own.
  const auto refused = [](const v1::MethodConfig& config, const std::string& message) {
    EXPECT_THAT(MakeMethod(config, TinySetup(8, 0)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  v1::MethodConfig config;
  config.mutable_moco_v2()->set_temperature(0);
  refused(config, "--method.moco_v2.temperature=0: expected above 0");
  config.mutable_byol()->set_final_momentum(-1);
  refused(config, "--method.byol.final_momentum=-1: expected 0 to 1");
  config.mutable_simsiam()->set_projector_depth(0);
  refused(config, "--method.simsiam.projector_depth=0: expected 1 to 64");
  config.mutable_vicreg()->set_variance_weight(-1);
  refused(config, "--method.vicreg.variance_weight=-1: expected at least 0");
  config.mutable_simclr();
  EXPECT_THAT(MakeMethod(config, TinySetup(1, 0)),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--batch_size=1: SimCLR")));
  MethodSetup setup = TinySetup(8, 0);
  setup.augself.set_crop(-1);
  EXPECT_THAT(MakeMethod(config, setup),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--augself.crop=-1: expected at least 0")));
}

}  // namespace
}  // namespace cassle
