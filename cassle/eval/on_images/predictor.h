// Who predicts: an encoder, and a classifier of its features.
#ifndef CASSLE_EVAL_ON_IMAGES_PREDICTOR_H_
#define CASSLE_EVAL_ON_IMAGES_PREDICTOR_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/eval/classifiers/classifier.h"
#include "cassle/eval/on_images/predict_options.pb.h"
#include "cassle/features/frozen_encoder.h"
#include "cassle/stage/stage.h"

namespace cassle {

struct Predictor {
  std::unique_ptr<FrozenEncoder> encoder;
  std::unique_ptr<Classifier> classifier;
};

// StageInfo::resolve: precision AUTO becomes that of the features that --classifier learnt from, if
// this machine has instructions for it, and FLOAT32 with --fine_tuned.
// \error as ResolveWhere.
absl::Status ResolvePredictor(google::protobuf::Message* options, StageContext* context);

// Of --model and --classifier, or of --fine_tuned: images are prepared as for what was learnt from.
// Notes choices.
// \error kFailedPrecondition if the classifier learnt from features of other weights or from images
// prepared otherwise; as OpenClassifier, OpenHead, ReadModelSpec and LoadBackbone.
absl::StatusOr<Predictor> OpenPredictor(const v1::PredictOptions& options, StageContext* context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_PREDICTOR_H_
