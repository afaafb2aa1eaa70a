// The stage pretrain: trains an image encoder on the views of a data set.
//
// Writes into the output folder
//   weights.safetensors              "backbone.*" (torchvision's names) and "projector.*"
//   model.textproto                  v1::ModelSpec: how to use the backbone
//   projector.textproto              how the projector is built, and what it is told
//   policy.textproto                 the augmentations of the run
//   config.textproto                 the settings of the run; pretrain --config=... repeats it
//   metrics.jsonl                    one v1::TrainMetrics a line
//   events.out.tfevents.0.cassle     the same for TensorBoard
// and while it runs, in OUTPUT.partial, the newest checkpoint (cassle/ssl/training/checkpoint.h),
// which a link of a chain keeps (cassle/ssl/training_links.h).
#ifndef CASSLE_SSL_PRETRAIN_STAGE_H_
#define CASSLE_SSL_PRETRAIN_STAGE_H_

#include "absl/status/status.h"
#include "cassle/ssl/pretrain_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

inline constexpr char kConfigFile[] = "config.textproto";

// Name, version and summary for the harness; tests and main use the same.
StageInfo PretrainInfo();

// `options` with defaults applied, as the harness hands them over.
// \error kInvalidArgument naming the setting that is out of range or does not fit the data; else as
// Trainer::Run and the readers of data sets, views and policies.
absl::Status RunPretrain(const v1::PretrainOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_SSL_PRETRAIN_STAGE_H_
