#include "cassle/ssl/fine_tune_options.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/backbone_sizes.h"
#include "cassle/ssl/unread_options.h"
#include "cassle/stage/options.h"

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
  const v1::ValidationConfig& monitor = options.monitor();
  for (const auto& [given, flag] :
       {std::pair(monitor.keep_best(), std::string("--monitor.keep_best=true")),
        std::pair(!monitor.split().empty(), absl::StrCat("--monitor.split=", monitor.split()))}) {
    if (!given || monitor.every_epochs() > 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        flag, ": nothing is validated with --monitor.every_epochs=0; choose 1, or leave it out"));
  }
  v1::FineTuneOptions defaults;
  CASSLE_RETURN_IF_ERROR(ApplyDefaults(&defaults));
  return CheckAreRead(
      {UseOfMomentum(options.optimizer(), options.momentum(), defaults.momentum())});
}

void ResolveFineTuneOptions(const v1::ModelSpec& spec, v1::FineTuneOptions* options) {
  const v1::OptimizerKind kind = options->optimizer();
  const bool adam = kind == v1::ADAMW || kind == v1::ADAM;
  if (!options->has_base_lr()) options->set_base_lr(adam ? 1e-3 : 0.1);
  if (!options->has_weight_decay()) options->set_weight_decay(kind == v1::ADAMW ? 0.05 : 1e-4);
  if (!options->has_layer_decay()) {
    const bool resnet = FindResNet(spec.backbone().architecture()) != nullptr;
    options->set_layer_decay(resnet ? 1 : 0.75);
  }
}

}  // namespace cassle
