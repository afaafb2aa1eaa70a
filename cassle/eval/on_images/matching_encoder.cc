#include "cassle/eval/on_images/matching_encoder.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/weights.h"

namespace cassle {
namespace {

// "--classifier=probe"
std::string Given(const MatchingEncoderOptions& options) {
  return absl::StrCat("--", options.flag, "=", options.folder);
}

absl::Status CheckOrigin(const MatchingEncoderOptions& options, const FrozenEncoder& encoder) {
  const FeatureOrigin& origin = options.origin;
  const auto refuse = [&](const std::string& what, const std::string& was, const std::string& is) {
    return absl::FailedPreconditionError(
        absl::StrCat(Given(options), " comes ", what, " than --model=", options.model, " has (",
                     was, ", not ", is, "): name the model that its embeddings were made with"));
  };
  if (origin.weights_fingerprint != encoder.weights_fingerprint()) {
    return refuse("from features of other weights", origin.weights_fingerprint,
                  encoder.weights_fingerprint());
  }
  // But for the precision, which changes last digits alone.
  const std::string prepared = PreprocessFingerprint(encoder.spec(), origin.resize_px,
                                                     origin.bfloat16, encoder.readout_text());
  if (origin.preprocess_fingerprint != prepared) {
    return refuse("from images of another size or normalisation", origin.preprocess_fingerprint,
                  prepared);
  }
  if (encoder.rows_per_view() > 1) {
    return absl::FailedPreconditionError(
        absl::StrCat(Given(options),
                     " comes from patches (embed --tokens=patches), and an image is taken as a "
                     "whole here: embed with --tokens=mean or class"));
  }
  if (options.columns != encoder.feature_size()) {
    return absl::DataLossError(absl::StrCat(Given(options), " takes ", options.columns,
                                            " features, --model=", options.model, " has ",
                                            encoder.feature_size()));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<FrozenEncoder>> OpenMatchingEncoder(
    const MatchingEncoderOptions& options, StageContext* context) {
  CASSLE_ASSIGN_OR_RETURN(const v1::ModelSpec spec, ReadModelSpec(options.model));
  CASSLE_ASSIGN_OR_RETURN(std::shared_ptr<Backbone> backbone, LoadBackbone(options.model));
  // What another model's features need may not fit this one: its weights are compared first.
  const bool same = WeightsFingerprint(*backbone) == options.origin.weights_fingerprint;
  FrozenEncoderOptions encoder_options;
  encoder_options.resize_px = std::max(options.origin.resize_px, spec.image_size());
  encoder_options.bfloat16 = options.bfloat16;
  if (same) encoder_options.readout = options.origin.readout;
  encoder_options.device = options.device;
  CASSLE_ASSIGN_OR_RETURN(std::unique_ptr<FrozenEncoder> encoder,
                          FrozenEncoder::Create(spec, std::move(backbone), encoder_options));
  CASSLE_RETURN_IF_ERROR(CheckOrigin(options, *encoder));
  if (options.origin.bfloat16 != options.bfloat16) {
    const char* names[] = {"float32", "bf16"};
    // Outputs name no places.
    context->NoteWarning(absl::StrCat(
        "--", options.flag, " comes from ", names[options.origin.bfloat16], " features; these are ",
        names[options.bfloat16], ": probabilities and similarities differ a little"));
  }
  return encoder;
}

}  // namespace cassle
