// What the settings of SwAV and DINO do, and supervised training. Linked into method_test.
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/testing/golden_tensor.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/objectives/clustering_objectives.h"
#include "cassle/ssl/objectives/objectives.h"
#include "cassle/ssl/testing/tiny_backbone.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// A handle of the state, with its gradient.
at::Tensor EntryOf(const Method& method, const std::string& name) {
  for (const NamedTensor& entry : method.state()) {
    if (entry.name == name) return entry.tensor;
  }
  ADD_FAILURE() << name << " is missing";
  return at::Tensor();
}

double Value(const at::Tensor& scalar) { return scalar.item().toDouble(); }

v1::MethodConfig SmallSwav() {
  v1::MethodConfig config;
  v1::SwavConfig* swav = config.mutable_swav();
  swav->set_hidden_size(8);
  swav->set_projection_size(6);
  swav->set_num_prototypes(10);
  swav->set_freeze_prototypes_steps(0);
  return config;
}

v1::MethodConfig SmallDino() {
  v1::MethodConfig config;
  v1::DinoConfig* dino = config.mutable_dino();
  dino->set_hidden_size(8);
  dino->set_projection_size(6);
  dino->set_num_outputs(10);
  return config;
}

TEST(SwavTest, LossComparesNormalisedProjectionsWithThePrototypes) {
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(SmallSwav(), TinySetup(kBatch, 0)));
  const MethodOutput output = method->Forward(RandomBatch(1));
  const at::Tensor prototypes = EntryOf(*method, "prototypes.weight").detach();
  std::vector<at::Tensor> assignments, logits;
  for (const at::Tensor& z : {output.z1, output.z2}) {
    const at::Tensor scores = NormalizeRows(z).mm(prototypes.t());
    assignments.push_back(SinkhornAssignments(scores, 0.05, 3));
    logits.push_back(scores / 0.1);
  }
  EXPECT_EQ(Value(output.loss), Value(CrossViewLoss(assignments, logits)));
}

TEST(SwavTest, PrototypesKeepUnitLengthAndWaitForTheFirstSteps) {
  v1::MethodConfig config = SmallSwav();
  config.mutable_swav()->set_freeze_prototypes_steps(1);
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, TinySetup(kBatch, 0)));
  const at::Tensor prototypes = EntryOf(*method, "prototypes.weight");
  const auto lengths = [&] { return prototypes.detach().norm(2, {1}); };
  EXPECT_LT(LargestDifference(lengths(), at::ones({10})), 1e-6);
  method->Forward(RandomBatch(1)).loss.backward();
  EXPECT_FALSE(prototypes.grad().defined());
  {
    at::NoGradGuard no_grad;
    prototypes.mul_(3);
  }
  method->AfterStep();
  EXPECT_LT(LargestDifference(lengths(), at::ones({10})), 1e-6);
  method->Forward(RandomBatch(1)).loss.backward();
  EXPECT_TRUE(prototypes.grad().defined());
}

TEST(SwavTest, TheQueueFillsFromItsEpochOnAndIsUsedOnceItIsFull) {
  v1::MethodConfig config = SmallSwav();
  ASSERT_OK_AND_ASSIGN(const auto without, MakeMethod(config, TinySetup(kBatch, 0)));
  const auto plain = [&](int step) { return Value(without->Forward(RandomBatch(step)).loss); };
  config.mutable_swav()->set_queue_size(2 * kBatch);
  config.mutable_swav()->set_queue_start_epoch(5);
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, TinySetup(kBatch, 0)));
  method->set_progress(4, 10);
  for (const int step : {1, 2}) {
    method->Forward(RandomBatch(step));
    method->AfterStep();
  }
  EXPECT_EQ(Value(EntryOf(*method, "queued")), 0);
  method->set_progress(5, 10);
  for (const int step : {1, 2}) {
    const MethodOutput output = method->Forward(RandomBatch(step));
    // Up to rounding of the prototypes' lengths.
    EXPECT_NEAR(Value(output.loss), plain(step), 1e-5);
    method->AfterStep();
    EXPECT_EQ(Value(EntryOf(*method, "queued")), step * kBatch);
    EXPECT_LT(
        LargestDifference(EntryOf(*method, "queue2.rows").narrow(0, (step - 1) * kBatch, kBatch),
                          NormalizeRows(output.z2)),
        1e-6);
  }
  EXPECT_GT(std::abs(Value(method->Forward(RandomBatch(3)).loss) - plain(3)), 1e-3);
}

TEST(SwavTest, OfficialIsTheSmallerSettingWithSgd) {
  v1::MethodConfig config;
  config.mutable_swav();
  MethodSetup setup = TinySetup(kBatch, 0);
  ASSERT_OK_AND_ASSIGN(const auto correct, MakeMethod(config, setup));
  EXPECT_EQ(EntryOf(*correct, "prototypes.weight").size(0), 3000);
  EXPECT_EQ(MethodRecipe(config, false).optimizer, v1::LARS);
  EXPECT_EQ(MethodRecipe(config, false).base_lr, 0.3);
  setup.official = true;
  ASSERT_OK_AND_ASSIGN(const auto official, MakeMethod(config, setup));
  EXPECT_EQ(EntryOf(*official, "prototypes.weight").size(0), 100);
  EXPECT_EQ(MethodRecipe(config, true).optimizer, v1::SGD);
  EXPECT_FALSE(MethodRecipe(config, true).base_lr.has_value());
}

// Teacher and student are copies at first: both have the cosines of z with the last layer's rows.
at::Tensor Cosines(const Method& method, const at::Tensor& z) {
  return NormalizeRows(z).mm(NormalizeRows(EntryOf(method, "last_layer.weight").detach()).t());
}

TEST(DinoTest, LossComparesTheStudentWithTheSharpenedTeacherOfTheEpoch) {
  v1::MethodConfig config = SmallDino();
  config.mutable_dino()->set_warmup_teacher_temperature(0.08);
  config.mutable_dino()->set_warmup_teacher_temperature_epochs(3);
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, TinySetup(kBatch, 0)));
  for (const auto& [epoch, temperature] :
       {std::pair(0, 0.08), std::pair(1, 0.06), std::pair(2, 0.04), std::pair(7, 0.04)}) {
    method->set_progress(epoch, 10);
    const MethodOutput output = method->Forward(RandomBatch(1));
    std::vector<at::Tensor> targets, logits;
    for (const at::Tensor& z : {output.z1, output.z2}) {
      targets.push_back(at::softmax(Cosines(*method, z) / temperature, 1));
      logits.push_back(Cosines(*method, z) / 0.1);
    }
    EXPECT_NEAR(Value(output.loss), Value(CrossViewLoss(targets, logits)), 1e-6) << epoch;
  }
}

TEST(DinoTest, TheCentreIsTheMovingAverageOfTheTeachersOutputsAndIsTakenOff) {
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(SmallDino(), TinySetup(kBatch, 0)));
  const MethodOutput output = method->Forward(RandomBatch(1));
  method->AfterStep();
  const at::Tensor mean =
      at::cat({Cosines(*method, output.z1), Cosines(*method, output.z2)}).mean(0);
  const at::Tensor center = EntryOf(*method, "center");
  EXPECT_LT(LargestDifference(center, mean * 0.1), 1e-6);
  const double centred = Value(method->Forward(RandomBatch(1)).loss);
  EXPECT_GT(std::abs(centred - Value(output.loss)), 1e-3);
  center.fill_(0);
  // Following a copy of itself rounds the teacher's parameters.
  EXPECT_NEAR(Value(method->Forward(RandomBatch(1)).loss), Value(output.loss), 1e-5);
  // The same for all outputs changes nothing.
  center.fill_(1);
  EXPECT_NEAR(Value(method->Forward(RandomBatch(1)).loss), Value(output.loss), 1e-4);
}

TEST(DinoTest, TheLastLayerWaitsForAnEpochAndTheTeacherFollows) {
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(SmallDino(), TinySetup(kBatch, 0)));
  const at::Tensor last_layer = EntryOf(*method, "last_layer.weight");
  method->set_progress(0, 10);
  method->Forward(RandomBatch(1)).loss.backward();
  EXPECT_FALSE(last_layer.grad().defined());
  method->set_progress(1, 10);
  method->Forward(RandomBatch(1)).loss.backward();
  EXPECT_TRUE(last_layer.grad().defined());
  const at::Tensor before = EntryOf(*method, "momentum_last_layer.weight").clone();
  {
    at::NoGradGuard no_grad;
    last_layer.add_(1);
  }
  method->set_progress(0, 10);
  method->AfterStep();
  EXPECT_LT(LargestDifference(EntryOf(*method, "momentum_last_layer.weight") - before,
                              at::ones({10, 6}) * 0.004),
            1e-6);
}

TEST(DinoTest, ItsProjectorHasGeluAndNoBatchNormAndItsBiasesStartAtZero) {
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(SmallDino(), TinySetup(kBatch, 0)));
  std::vector<std::string> names;
  for (const NamedTensor& entry : method->state()) {
    if (entry.name.rfind("projector.", 0) == 0) names.push_back(entry.name);
  }
  EXPECT_THAT(names, ::testing::ElementsAre("projector.mlp.0.weight", "projector.mlp.0.bias",
                                            "projector.mlp.2.weight", "projector.mlp.2.bias",
                                            "projector.mlp.4.weight", "projector.mlp.4.bias"));
  for (const char* layer : {"0", "2", "4"}) {
    for (const char* network : {"projector", "momentum_projector"}) {
      const std::string name = std::string(network) + ".mlp." + layer + ".bias";
      EXPECT_EQ(Value(EntryOf(*method, name).abs().max()), 0) << name;
    }
  }
}

TEST(SupervisedTest, AnIndifferentClassifierLosesTheLogarithmOfTheClasses) {
  v1::MethodConfig config;
  config.mutable_supervised();
  MethodSetup setup = TinySetup(kBatch, 0);
  for (const int views : {1, 2, 4}) {
    setup.num_views = views;
    ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, setup));
    EXPECT_EQ(method->num_views(), views);
    EXPECT_EQ(method->num_classes(), setup.num_classes);
    {
      at::NoGradGuard no_grad;
      EntryOf(*method, "projector.mlp.0.weight").fill_(0);
      EntryOf(*method, "projector.mlp.0.bias").fill_(0);
    }
    EXPECT_NEAR(Value(method->Forward(RandomBatch(1, views)).loss), std::log(kClasses), 1e-6);
  }
}

TEST(SupervisedTest, LearnsTheLabels) {
  v1::MethodConfig config;
  config.mutable_supervised();
  ASSERT_OK_AND_ASSIGN(const auto method, MakeMethod(config, TinySetup(kBatch, 0)));
  Batch batch = RandomBatch(1);
  const double loss = Value(method->Forward(batch).loss);
  batch.labels = (batch.labels + 1).remainder(kClasses);
  EXPECT_NE(Value(method->Forward(batch).loss), loss);
}

TEST(SupervisedTest, NeedsLabelsOfSeveralClasses) {
  v1::MethodConfig config;
  config.mutable_supervised();
  MethodSetup setup = TinySetup(kBatch, 0);
  setup.num_classes = 0;
  EXPECT_THAT(MakeMethod(config, setup), StatusIs(absl::StatusCode::kFailedPrecondition,
                                                  AllOf(HasSubstr("none"), HasSubstr("--input"))));
  setup.num_classes = 1;
  EXPECT_THAT(MakeMethod(config, setup),
              StatusIs(absl::StatusCode::kFailedPrecondition, HasSubstr("one class only")));
}

TEST(SupervisedTest, AugSelfNeedsASecondView) {
  v1::MethodConfig config;
  config.mutable_supervised();
  MethodSetup setup = TinySetup(kBatch, 0);
  setup.num_views = 1;
  setup.augself.set_crop(1);
  EXPECT_THAT(MakeMethod(config, setup),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("compares two views")));
}

TEST(ClusteringSettingsTest, AreCheckedByName) {
  const auto expect = [](const v1::MethodConfig& config, const char* message) {
    EXPECT_THAT(MakeMethod(config, TinySetup(8, 0)),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr(message)));
  };
  v1::MethodConfig config;
  config.mutable_swav()->set_epsilon(0);
  expect(config, "--method.swav.epsilon=0: expected ");
  config.mutable_swav()->set_epsilon(1);
  config.mutable_swav()->set_temperature(-1);
  expect(config, "--method.swav.temperature=-1: expected ");
  config.mutable_swav()->set_temperature(1);
  config.mutable_swav()->set_sinkhorn_iterations(0);
  expect(config, "--method.swav.sinkhorn_iterations=0: expected ");
  config.mutable_swav()->set_sinkhorn_iterations(1);
  config.mutable_swav()->set_num_prototypes(1);
  expect(config, "--method.swav.num_prototypes=1: expected ");
  config.mutable_swav()->set_num_prototypes(2);
  config.mutable_swav()->set_queue_size(12);
  expect(config, "swav.queue_size=12 is not a multiple of the batch size 8");
  config.mutable_swav()->set_queue_size(0);
  config.mutable_swav()->set_queue_start_epoch(3);
  expect(config, "--method.swav.queue_start_epoch=3 is not read without --method.swav.queue_size");
  config.mutable_dino()->set_student_temperature(0);
  expect(config, "--method.dino.student_temperature=0: expected ");
  config.mutable_dino()->set_student_temperature(1);
  config.mutable_dino()->set_center_momentum(2);
  expect(config, "--method.dino.center_momentum=2: expected ");
  config.mutable_dino()->set_center_momentum(0);
  config.mutable_dino()->set_warmup_teacher_temperature(0.02);
  expect(config,
         "--method.dino.warmup_teacher_temperature=0.02 is not read without "
         "--method.dino.warmup_teacher_temperature_epochs");
  config.mutable_dino()->set_num_outputs(0);
  expect(config, "--method.dino.num_outputs=0: expected ");
  config.mutable_supervised()->set_classifier_depth(0);
  expect(config, "--method.supervised.classifier_depth=0: expected ");
}

}  // namespace
}  // namespace cassle
