#include "cassle/ssl/pretrain_options.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/policy.h"
#include "cassle/augment/recorded_views.h"
#include "cassle/base/options.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"

namespace cassle {

absl::Status CheckPretrainNumbers(const v1::PretrainOptions& options) {
  const auto at_least = [](const char* name, double value, double least) {
    if (value >= least) return absl::OkStatus();
    return absl::InvalidArgumentError(
        absl::StrCat("--", name, "=", value, ": expected at least ", least));
  };
  CASSLE_RETURN_IF_ERROR(at_least("epochs", options.epochs(), 1));
  CASSLE_RETURN_IF_ERROR(at_least("batch_size", options.batch_size(), 2));
  CASSLE_RETURN_IF_ERROR(at_least("base_lr", options.base_lr(), 0));
  CASSLE_RETURN_IF_ERROR(at_least("weight_decay", options.weight_decay(), 0));
  CASSLE_RETURN_IF_ERROR(at_least("warmup_epochs", options.warmup_epochs(), 0));
  CASSLE_RETURN_IF_ERROR(at_least("clip_gradient_norm", options.clip_gradient_norm(), 0));
  CASSLE_RETURN_IF_ERROR(at_least("compute_threads", options.compute_threads(), 1));
  CASSLE_RETURN_IF_ERROR(at_least("log_every_steps", options.log_every_steps(), 1));
  CASSLE_RETURN_IF_ERROR(at_least("keep_last_checkpoints", options.keep_last_checkpoints(), 1));
  CASSLE_RETURN_IF_ERROR(at_least("keep_every_epochs", options.keep_every_epochs(), 0));
  CASSLE_RETURN_IF_ERROR(at_least("accumulate_steps", options.accumulate_steps(), 1));
  if (options.batch_size() % options.accumulate_steps() != 0 ||
      options.batch_size() / options.accumulate_steps() < 2) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--accumulate_steps=", options.accumulate_steps(), ": expected a divisor of --batch_size=",
        options.batch_size(), " that leaves at least 2 images a part"));
  }
  CASSLE_RETURN_IF_ERROR(at_least("checkpoint_every_epochs", options.checkpoint_every_epochs(), 0));
  CASSLE_RETURN_IF_ERROR(at_least("checkpoint_every_steps", options.checkpoint_every_steps(), 0));
  CASSLE_RETURN_IF_ERROR(
      at_least("monitor.abort_if_spread_below", options.monitor().abort_if_spread_below(), 0));
  CASSLE_RETURN_IF_ERROR(
      at_least("monitor.abort_if_rank_below", options.monitor().abort_if_rank_below(), 0));
  CASSLE_RETURN_IF_ERROR(
      at_least("monitor.abort_grace_epochs", options.monitor().abort_grace_epochs(), 0));
  CASSLE_RETURN_IF_ERROR(at_least("cache_mib", static_cast<double>(options.cache_mib()), 0));
  if (options.schedule() == v1::STEP && options.step_epochs().empty()) {
    return absl::InvalidArgumentError(
        "--schedule=step: name the epochs at which the rate falls, as --step_epochs=60,80");
  }
  if (!(options.step_factor() > 0)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--step_factor=", options.step_factor(), ": expected a number above 0"));
  }
  if (!(options.momentum() >= 0 && options.momentum() < 1)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--momentum=", options.momentum(), ": expected a number in [0, 1)"));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::Policy> FindPolicy(const v1::PretrainOptions& options) {
  if (!options.policy().empty() && !options.policy_file().empty()) {
    return absl::InvalidArgumentError("--policy and --policy_file were both given: choose one");
  }
  if (!options.policy_file().empty()) {
    v1::Policy policy;
    CASSLE_RETURN_IF_ERROR(ReadTextProto(options.policy_file(), &policy));
    CASSLE_RETURN_IF_ERROR(CheckPolicy(policy));
    return policy;
  }
  if (!options.policy().empty()) {
    // LoadPolicy would take a path too, but only an INPUT field has its content in the identity of
    // the run.
    for (const std::string& name : PresetNames()) {
      if (name == options.policy()) return LoadPolicy(name);
    }
    const std::string nearest = NearestWord(options.policy(), PresetNames());
    return absl::InvalidArgumentError(absl::StrCat(
        "--policy=", options.policy(), " is not a preset",
        nearest.empty() ? "" : absl::StrCat("; did you mean ", nearest, "?"), " There are ",
        absl::StrJoin(PresetNames(), ", "), "; a text proto is named by --policy_file"));
  }
  if (options.views().empty()) {
    return absl::InvalidArgumentError(absl::StrCat("no augmentation: name --policy (",
                                                   absl::StrJoin(PresetNames(), ", "),
                                                   "), --policy_file or --views"));
  }
  CASSLE_ASSIGN_OR_RETURN(const auto recorded, RecordedViews::Open(options.views()));
  return recorded->info().policy();
}

void ResolveRecipe(const Recipe& recipe, v1::PretrainOptions* options) {
  const bool official = options->compat() == v1::OFFICIAL;
  if (options->optimizer() == v1::OPTIMIZER_KIND_UNSPECIFIED) {
    options->set_optimizer(recipe.optimizer);
  }
  // The authors' command line has one default for all methods: that of SGD.
  const v1::OptimizerKind kind = official ? v1::SGD : options->optimizer();
  // The recipe's numbers are for its optimiser.
  const bool own = options->optimizer() == recipe.optimizer;
  if (!options->has_base_lr()) {
    options->set_base_lr(own && recipe.base_lr ? *recipe.base_lr : DefaultBaseLearningRate(kind));
  }
  if (!options->has_weight_decay()) {
    options->set_weight_decay(own && recipe.weight_decay ? *recipe.weight_decay
                                                         : DefaultWeightDecay(kind));
  }
  if (!options->has_clip_gradient_norm()) {
    options->set_clip_gradient_norm(recipe.clip_gradient_norm);
  }
  if (!options->has_warmup_epochs()) {
    // Of a short run the cosine should see something too.
    const int64_t limit = options->epochs() / 5;
    options->set_warmup_epochs(static_cast<int32_t>(
        official ? recipe.warmup_epochs : std::min(recipe.warmup_epochs, limit)));
  }
}

}  // namespace cassle
