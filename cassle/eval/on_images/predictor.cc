#include "cassle/eval/on_images/predictor.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/on_images/head_classifier.h"
#include "cassle/eval/on_images/matching_encoder.h"
#include "cassle/runtime/device.h"

namespace cassle {
namespace {

using Options = v1::PredictOptions;

absl::StatusOr<Predictor> OpenFineTuned(const Options& options) {
  Predictor predictor;
  CASSLE_ASSIGN_OR_RETURN(
      predictor.encoder,
      FrozenEncoder::Load(options.fine_tuned(), {.bfloat16 = options.precision() == v1::BF16,
                                                 .device = options.device()}));
  CASSLE_ASSIGN_OR_RETURN(predictor.classifier, OpenHead(options.fine_tuned(), *predictor.encoder));
  return predictor;
}

absl::StatusOr<Predictor> OpenWithClassifier(const Options& options, StageContext* context) {
  ClassifierOptions wanted;
  wanted.target = options.target();
  wanted.train = options.train();
  if (options.has_k()) wanted.neighbors = options.k();
  if (options.has_temperature()) wanted.temperature = options.temperature();
  wanted.threads = context->threads();
  absl::StatusOr<OpenedClassifier> opened = OpenClassifier(options.classifier(), wanted);
  if (!opened.ok()) return Annotate(opened.status(), "--classifier");
  Predictor predictor;
  CASSLE_ASSIGN_OR_RETURN(predictor.encoder,
                          OpenMatchingEncoder({.model = options.model(),
                                               .flag = "classifier",
                                               .folder = options.classifier(),
                                               .origin = opened->origin,
                                               .columns = opened->columns,
                                               .bfloat16 = options.precision() == v1::BF16,
                                               .device = options.device()},
                                              context));
  if (!opened->note.empty()) context->Note(opened->note);
  predictor.classifier = std::move(opened->classifier);
  return predictor;
}

}  // namespace

absl::Status ResolvePredictor(google::protobuf::Message* message, StageContext* context) {
  auto* options = static_cast<Options*>(message);
  if (options->precision() == v1::AUTO) {
    const auto origin =
        options->fine_tuned().empty() ? ReadFeatureOrigin(options->classifier()) : FeatureOrigin();
    // What is wrong with it is said where it is used.
    if (!origin.ok() || !origin->bfloat16) options->set_precision(v1::FLOAT32);
  }
  return ResolveWhere(options, context);
}

absl::StatusOr<Predictor> OpenPredictor(const Options& options, StageContext* context) {
  return options.fine_tuned().empty() ? OpenWithClassifier(options, context)
                                      : OpenFineTuned(options);
}

}  // namespace cassle
