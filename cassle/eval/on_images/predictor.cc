#include "cassle/eval/on_images/predictor.h"

#include <algorithm>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/on_images/head_classifier.h"
#include "cassle/models/weights/model_folder.h"
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

// \error kFailedPrecondition if the classifier's features are not those of the encoder.
absl::Status CheckOrigin(const Options& options, const OpenedClassifier& opened,
                         const FrozenEncoder& encoder) {
  const FeatureOrigin& origin = opened.origin;
  const auto refuse = [&](const std::string& what, const std::string& was, const std::string& is) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--classifier=", options.classifier(), " learnt ", what, " than --model=", options.model(),
        " has (", was, ", not ", is, "): name the model that its embeddings were made with"));
  };
  if (origin.weights_fingerprint != encoder.weights_fingerprint()) {
    return refuse("from features of other weights", origin.weights_fingerprint,
                  encoder.weights_fingerprint());
  }
  // But for the precision, which changes last digits alone.
  const std::string prepared =
      PreprocessFingerprint(encoder.spec(), origin.resize_px, origin.bfloat16);
  if (origin.preprocess_fingerprint != prepared) {
    return refuse("from images of another size or normalisation", origin.preprocess_fingerprint,
                  prepared);
  }
  if (opened.columns != encoder.feature_size()) {
    return absl::DataLossError(absl::StrCat("--classifier=", options.classifier(), " takes ",
                                            opened.columns, " features, --model=", options.model(),
                                            " has ", encoder.feature_size()));
  }
  return absl::OkStatus();
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
  CASSLE_ASSIGN_OR_RETURN(const v1::ModelSpec spec, ReadModelSpec(options.model()));
  CASSLE_ASSIGN_OR_RETURN(std::shared_ptr<Backbone> backbone, LoadBackbone(options.model()));
  // A classifier of another model may want a size that this one refuses.
  const int resize_px = std::max(opened->origin.resize_px, spec.image_size());
  CASSLE_ASSIGN_OR_RETURN(predictor.encoder,
                          FrozenEncoder::Create(spec, std::move(backbone),
                                                {.resize_px = resize_px,
                                                 .bfloat16 = options.precision() == v1::BF16,
                                                 .device = options.device()}));
  CASSLE_RETURN_IF_ERROR(CheckOrigin(options, *opened, *predictor.encoder));
  if (opened->origin.bfloat16 != (options.precision() == v1::BF16)) {
    const char* names[] = {"float32", "bf16"};
    context->NoteWarning(absl::StrCat("the classifier learnt from ", names[opened->origin.bfloat16],
                                      " features; these are ", names[!opened->origin.bfloat16],
                                      ": probabilities differ a little"));
  }
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
