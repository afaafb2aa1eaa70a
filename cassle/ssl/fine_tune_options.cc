#include "cassle/ssl/fine_tune_options.h"

#include <string>
#include <tuple>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"

namespace cassle {

absl::Status CheckFineTuneOptions(const v1::FineTuneOptions& options, const StageContext& context) {
  if (context.streaming()) {
    return absl::InvalidArgumentError("--output=-: a model is a folder, not a stream");
  }
  if (options.model().empty()) {
    return absl::InvalidArgumentError("--model is missing: name the folder that pretrain wrote");
  }
  if (options.input().empty()) {
    return absl::InvalidArgumentError(
        "--input is missing: name the data set that shard-encoder wrote");
  }
  const auto expect = [](bool ok, const char* name, double value, const char* what) {
    return ok ? absl::OkStatus()
              : absl::InvalidArgumentError(
                    absl::StrCat("--", name, "=", value, ": expected ", what));
  };
  for (const auto& [name, value, least] :
       {std::tuple("epochs", options.epochs(), 1),
        std::tuple("batch_size", options.batch_size(), 2),
        std::tuple("warmup_epochs", options.warmup_epochs(), 0),
        std::tuple("compute_threads", options.compute_threads(), 1),
        std::tuple("log_every_steps", options.log_every_steps(), 1),
        std::tuple("checkpoint_every_epochs", options.checkpoint_every_epochs(), 0),
        std::tuple("checkpoint_every_steps", options.checkpoint_every_steps(), 0)}) {
    CASSLE_RETURN_IF_ERROR(
        expect(value >= least, name, value, absl::StrCat("at least ", least).c_str()));
  }
  for (const auto& [name, value] :
       {std::pair("base_lr", options.base_lr()), std::pair("weight_decay", options.weight_decay()),
        std::pair("clip_gradient_norm", options.clip_gradient_norm()),
        std::pair("cache_mib", double(options.cache_mib()))}) {
    CASSLE_RETURN_IF_ERROR(expect(value >= 0, name, value, "at least 0"));
  }
  for (const auto& [name, value] : {std::pair("layer_decay", options.layer_decay()),
                                    std::pair("crop_scale_min", options.crop_scale_min())}) {
    const bool unset = std::string(name) == "layer_decay" && !options.has_layer_decay();
    CASSLE_RETURN_IF_ERROR(
        expect(unset || (value > 0 && value <= 1), name, value, "a number in (0, 1]"));
  }
  return expect(options.momentum() >= 0 && options.momentum() < 1, "momentum", options.momentum(),
                "a number in [0, 1)");
}

void ResolveFineTuneOptions(const v1::ModelSpec& spec, v1::FineTuneOptions* options) {
  const v1::OptimizerKind kind = options->optimizer();
  const bool adam = kind == v1::ADAMW || kind == v1::ADAM;
  if (!options->has_base_lr()) options->set_base_lr(adam ? 1e-3 : 0.1);
  if (!options->has_weight_decay()) options->set_weight_decay(kind == v1::ADAMW ? 0.05 : 1e-4);
  if (!options->has_layer_decay()) {
    const bool vit = absl::StartsWith(spec.backbone().architecture(), "vit_");
    options->set_layer_decay(vit ? 0.75 : 1);
  }
}

}  // namespace cassle
