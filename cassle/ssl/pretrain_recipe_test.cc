// What a method's recipe makes of the settings that are not given.
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/pretrain_stage.h"
#include "cassle/ssl/pretrain_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(PretrainMethodsTest, TheRecipeFillsWhatIsNotGiven) {
  EXPECT_THAT(ConfigOf(TinyRun("simclr", 5)),
              AllOf(HasSubstr("optimizer: SGD"), HasSubstr("warmup_epochs: 0"),
                    HasSubstr("base_lr: 0.03\n"), HasSubstr("weight_decay: 0.0005\n")));
  // Ten epochs of warm-up, but at most a fifth of the run.
  EXPECT_THAT(ConfigOf(TinyRun("barlow_twins", 5)),
              AllOf(HasSubstr("optimizer: LARS"), HasSubstr("warmup_epochs: 1\n"),
                    HasSubstr("base_lr: 0.2\n"), HasSubstr("weight_decay: 1.5e-06\n")));
  EXPECT_THAT(ConfigOf(TinyRun("vicreg", 5)),
              AllOf(HasSubstr("optimizer: LARS"), HasSubstr("warmup_epochs: 1\n"),
                    HasSubstr("base_lr: 0.2\n"), HasSubstr("weight_decay: 1e-06\n")));
  EXPECT_THAT(ConfigOf(TinyRun("swav", 5)),
              AllOf(HasSubstr("optimizer: LARS"), HasSubstr("warmup_epochs: 1\n"),
                    HasSubstr("base_lr: 0.3\n"), HasSubstr("weight_decay: 1e-06\n"),
                    HasSubstr("clip_gradient_norm: 0\n")));
  EXPECT_THAT(
      ConfigOf(TinyRun("dino", 5)),
      AllOf(HasSubstr("optimizer: ADAMW"), HasSubstr("warmup_epochs: 1\n"),
            HasSubstr("base_lr: 0.0005\n"), HasSubstr("\nweight_decay: 0.04\n"),
            HasSubstr("final_weight_decay: 0.4\n"), HasSubstr("exempt_biases: true\n"),
            HasSubstr("clip_gradient_norm: 3\n"), HasSubstr("clip_each_parameter: true\n")));
  EXPECT_THAT(ConfigOf(TinyRun("moco_v3", 5)),
              AllOf(HasSubstr("optimizer: ADAMW"), HasSubstr("warmup_epochs: 1\n"),
                    HasSubstr("base_lr: 0.00015\n"), HasSubstr("weight_decay: 0.1\n")));
}

// The same code fills the table and the run; here is what it is about.
TEST(PretrainMethodsTest, HelpHasTheRecipeOfEveryMethod) {
  const std::string help = PretrainInfo().more_help();
  for (const std::string& method : MethodNames()) {
    EXPECT_THAT(help, HasSubstr(absl::StrCat("\n  ", method, " ")));
  }
  EXPECT_THAT(help, ContainsRegex("moco_v3 +adamw +0.00015 +0.1 +40 +0\n"));
  EXPECT_THAT(help, ContainsRegex("swav +lars +0.3 +1e-06 +10 +0\n"));
  EXPECT_THAT(help, ContainsRegex("swav, official +sgd +0.03 +0.0005 +0 +0\n"));
  EXPECT_THAT(help, ContainsRegex("nnclr +lars +0.3 +1e-06 +10 +0\n"));
  EXPECT_THAT(help, ContainsRegex("vicreg +lars +0.2 +1e-06 +10 +0\n"));
  // The authors' code does not have it.
  EXPECT_THAT(help, Not(HasSubstr("vicreg, official")));
  EXPECT_THAT(help, ContainsRegex("lejepa +adamw +0.0005 +0.05 +1 +0\n"));
  EXPECT_THAT(help, ContainsRegex("sie +adam +0.00025 +1e-06 +0 +0\n"));
  EXPECT_THAT(help, ContainsRegex("dino +adamw +0.0005 +0.04 +10 +3  final_weight_decay 0.4  "
                                  "exempt_biases  clip_each_parameter\n"));
  EXPECT_THAT(help, Not(HasSubstr("simclr, official")));
}

TEST(PretrainMethodsTest, CompatOfficialFillsItAsTheAuthors) {
  v1::PretrainOptions options = TinyRun("barlow_twins", 5);
  options.set_compat(v1::OFFICIAL);
  EXPECT_THAT(ConfigOf(options),
              AllOf(HasSubstr("optimizer: SGD"), HasSubstr("warmup_epochs: 10\n"),
                    HasSubstr("base_lr: 0.03\n"), HasSubstr("weight_decay: 0.0005\n"),
                    HasSubstr("compat: OFFICIAL")));
}

TEST(PretrainMethodsTest,
     TheProjectorThatAHypernetworkMakesEndsAsTheAuthorsOnlyWithCompatOfficial) {
  const auto run = [](v1::Compat compat) {
    v1::PretrainOptions options = TinyRun("simsiam", 1);
    options.mutable_conditioning()->set_treatment(v1::HYPERNETWORK);
    options.mutable_conditioning()->set_width(2);
    options.set_compat(compat);
    return options;
  };
  EXPECT_THAT(ConfigOf(run(v1::CORRECT)), Not(HasSubstr("hypernetwork_last_norm")));
  EXPECT_THAT(ConfigOf(run(v1::OFFICIAL)), HasSubstr("hypernetwork_last_norm: false"));
  v1::PretrainOptions chosen = run(v1::OFFICIAL);
  chosen.mutable_conditioning()->set_hypernetwork_last_norm(true);
  EXPECT_THAT(ConfigOf(chosen), HasSubstr("hypernetwork_last_norm: true"));
}

TEST(PretrainMethodsTest, WhatIsGivenCounts) {
  v1::PretrainOptions options = TinyRun("moco_v3", 2);
  options.set_optimizer(v1::SGD);
  options.set_warmup_epochs(2);
  options.set_weight_decay(0);
  EXPECT_THAT(ConfigOf(options), AllOf(HasSubstr("optimizer: SGD"), HasSubstr("warmup_epochs: 2\n"),
                                       HasSubstr("base_lr: 0.03\n"), HasSubstr("weight_decay: 0\n"),
                                       Not(HasSubstr("compat"))));
  // Rate and limit of the gradients belong to the recipe's optimiser.
  options = TinyRun("dino", 2);
  options.set_optimizer(v1::SGD);
  EXPECT_THAT(ConfigOf(options),
              AllOf(HasSubstr("base_lr: 0.03\n"), HasSubstr("clip_gradient_norm: 0\n"),
                    Not(HasSubstr("final_weight_decay")), Not(HasSubstr("exempt_biases")),
                    Not(HasSubstr("clip_each_parameter"))));
  options = TinyRun("moco_v3", 2);
  options.set_warmup_epochs(-1);
  EXPECT_THAT(Train(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                       HasSubstr("--warmup_epochs=-1: expected at least 0")));
}

TEST(PretrainMethodsTest, EveryPartOfTheRecipeOfDinoCounts) {
  // The fingerprint of the weights of a run of SGD, which is not blind to the size of gradients.
  const auto weights = [](const std::function<void(v1::PretrainOptions*)>& change) {
    v1::PretrainOptions options = TinyRun("simclr", 2);
    options.set_optimizer(v1::SGD);
    options.set_weight_decay(0.1);
    options.set_clip_gradient_norm(0.1);
    change(&options);
    EXPECT_OK(Train(options));
    return FingerprintFile(JoinPath(options.output(), "weights.safetensors")).value();
  };
  const std::set<std::string> different = {
      weights([](auto*) {}), weights([](auto* options) { options->set_final_weight_decay(0.5); }),
      weights([](auto* options) { options->set_exempt_biases(true); }),
      weights([](auto* options) { options->set_clip_each_parameter(true); })};
  EXPECT_EQ(different.size(), 4);
}

TEST(PretrainScheduleTest, RatesOfTheMetricsFollowTheChosenSchedule) {
  // Four steps in two epochs of two.
  const auto rates = [](v1::PretrainOptions options) {
    options.set_base_lr(32);  // 1 at batch size 8.
    options.set_clip_gradient_norm(1e-3);
    options.set_log_every_steps(1);
    EXPECT_OK(Train(options));
    const absl::StatusOr<std::string> metrics =
        ReadFile(JoinPath(options.output(), "metrics.jsonl"));
    EXPECT_OK(metrics);
    std::vector<double> found;
    for (size_t at = 0; (at = metrics->find("\"learning_rate\":", at)) != std::string::npos; ++at) {
      found.push_back(std::stod(metrics->substr(at + 16)));
    }
    return found;
  };
  v1::PretrainOptions options = TinyRun("simclr", 2);
  EXPECT_THAT(rates(options), ElementsAre(1, 1, 0.5, 0.5));
  options = TinyRun("simclr", 2);
  options.set_schedule_per_step(true);
  EXPECT_THAT(rates(options),
              ElementsAre(1, DoubleNear(0.853553, 1e-6), 0.5, DoubleNear(0.146447, 1e-6)));
  // A warm-up of one epoch rises within it, by whatever schedule.
  options = TinyRun("simclr", 2);
  options.set_schedule_per_step(true);
  options.set_warmup_epochs(1);
  EXPECT_THAT(rates(options), ElementsAre(0.5, 1, 1, DoubleNear(0.5, 1e-12)));
  options = TinyRun("simclr", 2);
  options.set_warmup_epochs(1);
  EXPECT_THAT(rates(options), ElementsAre(0.5, 1, 1, 1));
  options = TinyRun("simclr", 2);
  options.set_schedule(v1::CONSTANT);
  EXPECT_THAT(rates(options), ElementsAre(1, 1, 1, 1));
  options = TinyRun("simclr", 2);
  options.set_schedule(v1::STEP);
  EXPECT_THAT(Train(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--step_epochs=60,80")));
  options.add_step_epochs(1);
  EXPECT_THAT(rates(options), ElementsAre(1, 1, DoubleNear(0.1, 1e-12), DoubleNear(0.1, 1e-12)));
}

}  // namespace
}  // namespace cassle
