#include "cassle/ssl/pretrain_options.h"

#include <algorithm>
#include <optional>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/ssl/method/augself.h"
#include "cassle/ssl/method/equimod.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/training/accumulate.h"
#include "cassle/ssl/unread_options.h"
#include "cassle/stage/options.h"

namespace cassle {
namespace {

// Settings of what is off, which would not count.
absl::Status CheckWhatIsOff(const v1::PretrainOptions& options,
                            const v1::PretrainOptions& defaults) {
  if (!IsConditioned(options.conditioning())) {
    v1::ConditioningConfig usual = defaults.conditioning();
    usual.set_treatment(options.conditioning().treatment());
    CASSLE_RETURN_IF_ERROR(CheckNoneIsChosen("conditioning", options.conditioning(), usual,
                                             "--conditioning=raw, mlp or hypernetwork"));
  }
  if (options.conditioning().treatment() == v1::RAW) {
    v1::ConditioningConfig usual = options.conditioning();
    usual.clear_depth();
    usual.clear_width();
    CASSLE_RETURN_IF_ERROR(CheckNoneIsChosen("conditioning", options.conditioning(), usual,
                                             "--conditioning=mlp or hypernetwork"));
  }
  if (AugSelfGroups(options.augself()).empty()) {
    CASSLE_RETURN_IF_ERROR(CheckNoneIsChosen("augself", options.augself(), defaults.augself(),
                                             "a weight (--augself.crop=1, for one)"));
  }
  if (!HasEquiMod(options.equimod())) {
    CASSLE_RETURN_IF_ERROR(
        CheckNoneIsChosen("equimod", options.equimod(), defaults.equimod(), "--equimod.weight"));
  }
  if (options.monitor().every_epochs() > 0) return absl::OkStatus();
  v1::MonitorConfig usual = defaults.monitor();
  // These read what is measured in every epoch anyway.
  usual.set_abort_if_spread_below(options.monitor().abort_if_spread_below());
  usual.set_abort_if_rank_below(options.monitor().abort_if_rank_below());
  usual.set_abort_grace_epochs(options.monitor().abort_grace_epochs());
  return CheckNoneIsChosen("monitor", options.monitor(), usual, "--monitor.every_epochs");
}

// What was chosen and would not count.
absl::Status CheckAllIsRead(const v1::PretrainOptions& options) {
  v1::PretrainOptions defaults;
  CASSLE_RETURN_IF_ERROR(ApplyDefaults(&defaults));
  CASSLE_RETURN_IF_ERROR(CheckWhatIsOff(options, defaults));
  const bool steps = options.schedule() == v1::STEP;
  constexpr char kStep[] = "--schedule=step";
  return CheckAreRead(
      {{"step_epochs", absl::StrJoin(options.step_epochs(), ","), steps, kStep},
       {"step_factor", ChosenNumber(options.step_factor(), defaults.step_factor()), steps, kStep},
       UseOfMomentum(options.optimizer(), options.momentum(), defaults.momentum()),
       {"split", options.split(), !options.input().empty(), "--input, whose split it is"}});
}

}  // namespace

absl::Status CheckPretrainOptions(const v1::PretrainOptions& options) {
  // Before any rank is started.
  CASSLE_RETURN_IF_ERROR(CheckShares(options.batch_size(), options.accumulate_steps(),
                                     options.batch_norm_group(), std::max(1, options.ranks())));
  if (options.schedule() == v1::STEP && options.step_epochs().empty()) {
    return absl::InvalidArgumentError(
        "--schedule=step: name the epochs at which the rate falls, as --step_epochs=60,80");
  }
  return CheckAllIsRead(options);
}

absl::StatusOr<v1::Policy> FindPolicy(const v1::PretrainOptions& options) {
  CASSLE_ASSIGN_OR_RETURN(const std::optional<v1::Policy> named, NamedPolicy(options));
  if (named) return *named;
  if (options.views().empty()) {
    return NoPolicyError("there is no augmentation policy, nor --views that have one");
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
    options->set_clip_gradient_norm(own ? recipe.clip_gradient_norm : 0);
  }
  // What only some methods have stays out of the settings of the others.
  if (own && recipe.final_weight_decay && !options->has_final_weight_decay()) {
    options->set_final_weight_decay(*recipe.final_weight_decay);
  }
  if (own && recipe.exempt_biases && !options->has_exempt_biases()) {
    options->set_exempt_biases(true);
  }
  if (own && recipe.clip_each_parameter && !options->has_clip_each_parameter()) {
    options->set_clip_each_parameter(true);
  }
  if (!options->has_warmup_epochs()) {
    // Of a short run the cosine should see something too.
    const int64_t limit = options->epochs() / 5;
    options->set_warmup_epochs(static_cast<int32_t>(
        official ? recipe.warmup_epochs : std::min(recipe.warmup_epochs, limit)));
  }
}

namespace {

// What a run of 200 epochs, the default, is trained with where nothing is chosen.
absl::StatusOr<std::string> RecipeRow(const std::string& method, v1::Compat compat) {
  v1::PretrainOptions options;
  CASSLE_RETURN_IF_ERROR(ApplyDefaults(&options));
  CASSLE_RETURN_IF_ERROR(OptionSetter(&options).Set("method", method));
  options.set_compat(compat);
  ResolveRecipe(MethodRecipe(options.method(), compat == v1::OFFICIAL), &options);
  std::string row = absl::StrFormat(
      "%-9s  %7g  %12g  %13d  %18g",
      absl::AsciiStrToLower(v1::OptimizerKind_Name(options.optimizer())), options.base_lr(),
      options.weight_decay(), options.warmup_epochs(), options.clip_gradient_norm());
  if (options.has_final_weight_decay()) {
    absl::StrAppend(&row, "  final_weight_decay ", options.final_weight_decay());
  }
  if (options.exempt_biases()) absl::StrAppend(&row, "  exempt_biases");
  if (options.clip_each_parameter()) absl::StrAppend(&row, "  clip_each_parameter");
  return row + "\n";
}

}  // namespace

std::string RecipesHelp() {
  std::string text = absl::StrFormat(
      "Recipes, for what is not chosen; official: with --compat=official, where that differs.\n"
      "  %-22s  optimizer  base_lr  weight_decay  warmup_epochs  clip_gradient_norm\n",
      "method");
  for (const std::string& name : MethodNames()) {
    const absl::StatusOr<std::string> correct = RecipeRow(name, v1::CORRECT);
    const absl::StatusOr<std::string> official = RecipeRow(name, v1::OFFICIAL);
    if (!correct.ok() || !official.ok()) return std::string(correct.status().message());
    absl::StrAppendFormat(&text, "  %-22s  %s", name, *correct);
    if (*official == *correct) continue;
    absl::StrAppendFormat(&text, "  %-22s  %s", absl::StrCat(name, ", official"), *official);
  }
  return text;
}

}  // namespace cassle
