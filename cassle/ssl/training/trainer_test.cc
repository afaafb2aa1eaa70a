// The training loop with a method that goes wrong on purpose: guards, and what they leave.
#include "cassle/ssl/training/trainer.h"

#include <ATen/TensorOperators.h>

#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/augment/loading/view_loader.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/records/dataset_testutil.h"
#include "cassle/ssl/pretrain_options.pb.h"
#include "cassle/ssl/testing/tiny_backbone.h"
#include "cassle/stage/stage.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::StatusCode kFailed = absl::StatusCode::kFailedPrecondition;

enum class Fault { kNone, kLoss, kGradient, kParameter, kFewClasses };

// Draws the features of two views together. In one step something is not finite, or the images have
// classes that it does not know.
class Faulty : public Method {
 public:
  Faulty(Fault fault, int step) : fault_(fault), fault_step_(step) {
    backbone_.Initialize(1, "backbone.");
  }

  MethodOutput Forward(const Batch& batch) override {
    ++step_;
    const at::Tensor z1 = backbone_.forward(batch.views.at(0).images);
    const at::Tensor z2 = backbone_.forward(batch.views.at(1).images);
    at::Tensor loss = (z1 - z2).square().mean();
    if (Now(Fault::kLoss)) loss = loss / 0;
    // The slope of a root at 0 is infinite; the value is 0.
    if (Now(Fault::kGradient)) loss = loss + (z1 * 0).sum().abs().sqrt();
    return {loss, z1.detach(), z2.detach(), z1, z2};
  }

  void AfterStep() override {
    if (Now(Fault::kParameter)) {
      backbone_.parameters()[0].detach().fill_(std::numeric_limits<float>::infinity());
    }
  }

  std::vector<Network> networks() const override {
    return {{"backbone", const_cast<TinyBackbone*>(&backbone_), true}};
  }

  int64_t num_classes() const override { return fault_ == Fault::kFewClasses ? 1 : 0; }

  // As after loading a checkpoint of `steps` steps.
  void set_steps(int steps) { step_ = steps; }

 private:
  bool Now(Fault fault) const { return fault_ == fault && step_ == fault_step_; }

  TinyBackbone backbone_;
  const Fault fault_;
  const int fault_step_;
  int step_ = 0;
};

std::string OutputOf(const std::string& name) {
  const std::string output = JoinPath(::testing::TempDir(), name);
  EXPECT_OK(RemoveAll(output));
  EXPECT_OK(RemoveAll(output + ".partial"));
  return output;
}

// Two epochs of five steps, as a stage.
absl::Status Train(const std::string& output, const v1::TrainingConfig& training, Fault fault,
                   int step, int steps_before = 0) {
  static const std::string* folder = [] {
    auto* path = new std::string(JoinPath(::testing::TempDir(), "trainer_shapes"));
    EXPECT_OK(RemoveAll(*path));
    EXPECT_OK(WriteShapesDataset(*path, 40));
    return path;
  }();
  v1::PretrainOptions options;
  options.set_output(output);
  const auto work = [&](const google::protobuf::Message&, StageContext& context) -> absl::Status {
    Faulty method(fault, step);
    method.set_steps(steps_before);
    ViewLoaderOptions loading;
    loading.images = *Dataset::Open(*folder);
    loading.policy = *LoadPolicy("cifar");
    Trainer trainer(training, c10::Device(c10::kCPU), loading, &method, nullptr, nullptr, &context);
    return trainer.Run();
  };
  return RunStageWork({.name = "faulty", .summary = "", .resumable = true}, options, {}, work)
      .status();
}

v1::TrainingConfig TwoEpochs() {
  v1::TrainingConfig training;
  training.set_epochs(2);
  training.set_batch_size(8);
  training.set_accumulate_steps(1);
  training.set_base_lr(0.32);  // 0.01 for 8 images.
  training.set_momentum(0.9);
  training.set_log_every_steps(10);
  training.set_checkpoint_every_epochs(1);
  training.set_keep_last_checkpoints(1);
  return training;
}

std::vector<std::string> CheckpointsIn(const std::string& folder) {
  std::vector<std::string> found;
  const absl::StatusOr<std::vector<std::string>> names = ListDirectory(folder);
  EXPECT_OK(names);
  for (const std::string& name : *names) {
    if (name.find("checkpoint-") == 0) found.push_back(name);
  }
  return found;
}

TEST(TrainerTest, NamesTheStepOfALossThatIsNotFinite) {
  const std::string output = OutputOf("loss");
  EXPECT_THAT(Train(output, TwoEpochs(), Fault::kLoss, 7),
              StatusIs(kFailed, AllOf(HasSubstr("step 7 (epoch 2): the loss is inf"),
                                      HasSubstr("the checkpoint after step 5 is kept"),
                                      HasSubstr("Lower --base_lr"))));
  EXPECT_THAT(CheckpointsIn(output + ".partial"), ElementsAre("checkpoint-00000005"));
  // The checkpoint is good: without the fault the run goes on from it to its end.
  EXPECT_OK(Train(output, TwoEpochs(), Fault::kNone, 0, 5));
}

TEST(TrainerTest, NamesTheStepOfAGradientThatIsNotFinite) {
  const std::string output = OutputOf("gradient");
  EXPECT_THAT(Train(output, TwoEpochs(), Fault::kGradient, 6),
              StatusIs(kFailed, AllOf(HasSubstr("step 6 (epoch 2): the gradient is nan"),
                                      HasSubstr("The step was not taken"),
                                      HasSubstr("the checkpoint after step 5 is kept"))));
  EXPECT_OK(Train(output, TwoEpochs(), Fault::kNone, 0, 5));
}

TEST(TrainerTest, NamesAnImageWhoseClassThereIsNot) {
  EXPECT_THAT(Train(OutputOf("classes"), TwoEpochs(), Fault::kFewClasses, 0),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("has class "), HasSubstr(", and there are 1: encode"))));
}

TEST(TrainerTest, SaysThatThereWasNoCheckpointYet) {
  EXPECT_THAT(Train(OutputOf("early"), TwoEpochs(), Fault::kLoss, 1),
              StatusIs(kFailed, AllOf(HasSubstr("step 1 (epoch 1)"),
                                      HasSubstr("there was no checkpoint yet"))));
}

TEST(TrainerTest, AWeightThatIsNotFiniteReachesNoCheckpoint) {
  const std::string output = OutputOf("parameter");
  // After the last step of the run, so that neither loss nor gradient can tell.
  EXPECT_THAT(
      Train(output, TwoEpochs(), Fault::kParameter, 10),
      StatusIs(kFailed, AllOf(HasSubstr("after step 10 (epoch 2)"),
                              HasSubstr("\"backbone.conv1.weight\" holds values that are not"),
                              HasSubstr("the checkpoint after step 5 is kept"))));
  EXPECT_THAT(CheckpointsIn(output + ".partial"), ElementsAre("checkpoint-00000005"));
  EXPECT_FALSE(FileExists(output));
}

TEST(TrainerTest, KeepsTheLastCheckpointsAndThoseOfEveryFewEpochs) {
  v1::TrainingConfig training = TwoEpochs();
  training.set_epochs(6);
  training.set_checkpoint_every_epochs(0);
  training.set_checkpoint_every_steps(3);
  training.set_keep_last_checkpoints(2);
  training.set_keep_every_epochs(2);
  const std::string output = OutputOf("kept");
  EXPECT_FALSE(Train(output, training, Fault::kLoss, 29).ok());
  // Epochs 2 and 4 end with steps 10 and 20; 24 and 27 are the last.
  EXPECT_THAT(CheckpointsIn(output + ".partial"),
              ElementsAre("checkpoint-00000010", "checkpoint-00000020", "checkpoint-00000024",
                          "checkpoint-00000027"));
}

TEST(TrainerTest, GoesOnFromAnOlderCheckpointWhenTheNewestIsDamaged) {
  v1::TrainingConfig training = TwoEpochs();
  training.set_checkpoint_every_steps(1);
  training.set_keep_last_checkpoints(3);
  const std::string undisturbed = OutputOf("undisturbed"), output = OutputOf("damaged");
  ASSERT_OK(Train(undisturbed, training, Fault::kNone, 0));
  EXPECT_FALSE(Train(output, training, Fault::kLoss, 8).ok());
  const std::string newest = output + ".partial/checkpoint-00000007/tensors.safetensors";
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(newest));
  ASSERT_OK(WriteFile(newest, bytes.substr(0, bytes.size() / 2)));
  ASSERT_OK(RemoveAll(output + ".partial/checkpoint-00000006/state.textproto"));
  // Steps 6 and 7 are done again.
  ASSERT_OK(Train(output, training, Fault::kNone, 0, 5));
  for (const char* file : {"metrics.jsonl", "checkpoint-00000010/tensors.safetensors",
                           "checkpoint-00000008/tensors.safetensors"}) {
    ASSERT_OK_AND_ASSIGN(const std::string a, ReadFile(JoinPath(undisturbed, file)));
    ASSERT_OK_AND_ASSIGN(const std::string b, ReadFile(JoinPath(output, file)));
    EXPECT_EQ(a, b) << file;
  }
}

TEST(TrainerTest, SaysWhatIsWrongWithTheNewestWhenNoCheckpointIsGood) {
  v1::TrainingConfig training = TwoEpochs();
  training.set_keep_last_checkpoints(2);
  training.set_checkpoint_every_steps(2);
  const std::string output = OutputOf("all_damaged");
  EXPECT_FALSE(Train(output, training, Fault::kLoss, 7).ok());
  for (const std::string& name : CheckpointsIn(output + ".partial")) {
    ASSERT_OK(WriteFile(JoinPath(output + ".partial", name + "/tensors.safetensors"), "x"));
  }
  EXPECT_THAT(Train(output, training, Fault::kNone, 0, 6),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("checkpoint-00000006")));
}

}  // namespace
}  // namespace cassle
