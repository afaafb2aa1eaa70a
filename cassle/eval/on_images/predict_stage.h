// The stage predict: the class of new images, by what a probe, nearest neighbours or fine-tune
// learnt.
#ifndef CASSLE_EVAL_ON_IMAGES_PREDICT_STAGE_H_
#define CASSLE_EVAL_ON_IMAGES_PREDICT_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/on_images/predict_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

StageInfo PredictInfo();

// Every image of the input through the frozen encoder, prepared as the classifier's images were
// (the central crop), and its features through the classifier: in the order of the source, whatever
// the number of threads. Output: predictions.csv, .jsonl or .html, and damaged.csv (image, reason).
//
// Images that cannot be read are named, counted and left out; none of them ends the stage unless
// all are such.
//
// \error kInvalidArgument for options that exclude or lack each other; kNotFound for folders that
// are not there or not complete; kFailedPrecondition if the classifier learnt on another encoder or
// from images prepared otherwise, or the input has no image; kDataLoss for damage, for features
// that are not finite (naming the image), or if no image can be read; kCancelled when interrupted.
absl::Status RunPredict(const v1::PredictOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_PREDICT_STAGE_H_
