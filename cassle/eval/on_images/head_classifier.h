// The head of a fine-tuned model as a Classifier.
#ifndef CASSLE_EVAL_ON_IMAGES_HEAD_CLASSIFIER_H_
#define CASSLE_EVAL_ON_IMAGES_HEAD_CLASSIFIER_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cassle/eval/classifiers/classifier.h"
#include "cassle/features/frozen_encoder.h"

namespace cassle {

// folder: that of the encoder, which fine-tune wrote; the encoder has its projector, and outlives
// the result.
// \error kFailedPrecondition if the folder names no classes; kDataLoss if what does so is damaged,
// or the projector has other outputs than classes.
absl::StatusOr<std::unique_ptr<Classifier>> OpenHead(const std::string& folder,
                                                     const FrozenEncoder& encoder);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_HEAD_CLASSIFIER_H_
