// The stage fine-tune: a trained backbone learns a classification end to end, with a linear head.
#ifndef CASSLE_SSL_FINE_TUNE_STAGE_H_
#define CASSLE_SSL_FINE_TUNE_STAGE_H_

#include "absl/status/status.h"
#include "cassle/ssl/fine_tune_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

StageInfo FineTuneInfo();

// The method is `supervised` (supervised.h) with one view of every image, a random crop and a flip,
// in pretrain's trainer: what a run leaves is a function of its options, and a run that was killed
// and started again ends with the same bytes. The rates of lower blocks may be smaller
// (layer_decay.h), and the labels few (cassle/probes/splits/few_labels.h). The encoder of the last
// epoch, or of the best by validation (fine_tuning/validation_monitor.h), is tested once, on
// evaluation's view of every image of the test split.
//
// Lives beside pretrain, not in eval, because it trains: eval never includes ssl.
//
// Output: a model folder (the head is its projector, whose classes head.textproto names),
// metrics.jsonl, result.textproto and result.json (cassle/eval/result/evaluation.h).
// \error kInvalidArgument for options out of range; kNotFound for a model or data set that is not
// there; kFailedPrecondition for labels that are missing, one class, a class with fewer images than
// --labels_per_class, a model with image channels, or a run that diverges; kDataLoss for damage;
// kCancelled when interrupted: the same command goes on.
absl::Status RunFineTune(const v1::FineTuneOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_SSL_FINE_TUNE_STAGE_H_
