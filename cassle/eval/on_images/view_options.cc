#include "cassle/eval/on_images/view_options.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cassle/features/changed_views.h"

namespace cassle {

absl::Status view_options_internal::Check(const std::string& model, const std::string& input,
                                          const StageContext& context) {
  if (context.streaming()) {
    return absl::InvalidArgumentError("--output=-: a result is a folder, not a stream");
  }
  if (model.empty()) {
    return absl::InvalidArgumentError("--model is missing: name the folder that pretrain wrote");
  }
  if (input.empty()) {
    return absl::InvalidArgumentError(
        "--input is missing: name the data set that shard-encoder wrote");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<const Dataset>> OpenImages(const std::string& input,
                                                          const std::string& split) {
  CASSLE_ASSIGN_OR_RETURN(std::shared_ptr<const Dataset> images, Dataset::Open(input, split));
  if (images->size() == 0) {
    return absl::DataLossError(
        absl::StrCat(input, ": split \"", images->split().name(), "\" has no images"));
  }
  return images;
}

absl::StatusOr<std::vector<int64_t>> ChooseImagesToLearnFrom(const Dataset& images,
                                                             int64_t num_images, uint64_t seed) {
  std::vector<int64_t> chosen = ChooseImages(images, num_images, seed);
  constexpr size_t kFewest = 8;
  if (chosen.size() >= kFewest) return chosen;
  const bool asked = num_images > 0 && num_images < images.size();
  return absl::FailedPreconditionError(
      absl::StrCat(asked ? absl::StrCat("--num_images=", num_images)
                         : absl::StrCat(images.folder(), ": split '", images.split().name(),
                                        "' has ", images.size(), " images"),
                   ": learning, choosing the regulariser and testing need ", kFewest, " or more"));
}

HeldOut HoldOut(double test_fraction, double val_fraction, int64_t images) {
  const auto part = [](double fraction, int64_t of) {
    return std::clamp<int64_t>(std::llround(fraction * static_cast<double>(of)), 2, of - 2);
  };
  HeldOut held_out;
  held_out.num_test = part(test_fraction, images - 2);
  held_out.num_val = part(val_fraction, images - held_out.num_test);
  return held_out;
}

absl::StatusOr<int64_t> KeepWholeBatches(int64_t batch_size, std::vector<int64_t>* indices,
                                         StageContext* context) {
  const auto images = static_cast<int64_t>(indices->size());
  const int64_t size = std::min(batch_size, images);
  if (size < 2) {
    return absl::FailedPreconditionError(
        "there is one image only: a batch is looked at as a whole, so give 2 or more");
  }
  if (images % size > 0) {
    context->Note(absl::StrCat(images % size, " of ", images, " images fill no batch of ", size,
                               " and are left out: --batch_size changes that"));
  }
  indices->resize(images / size * size);
  return size;
}

absl::StatusOr<std::vector<float>> FiniteFeatures(const FrozenEncoder& encoder,
                                                  const std::vector<uint8_t>& pixels) {
  CASSLE_ASSIGN_OR_RETURN(std::vector<float> features, encoder.Extract(pixels));
  if (!std::all_of(features.begin(), features.end(), [](float x) { return std::isfinite(x); })) {
    return absl::DataLossError(
        "features are not finite: the encoder has diverged; train it with a smaller learning "
        "rate");
  }
  return features;
}

v1::Evaluation DescribeEvaluation(const std::string& stage, const std::string& title,
                                  const FrozenEncoder& encoder, const v1::Policy& policy) {
  v1::Evaluation evaluation;
  evaluation.set_stage(stage);
  evaluation.set_title(title);
  evaluation.set_encoder(encoder.spec().provenance());
  evaluation.set_weights_fingerprint(encoder.weights_fingerprint());
  evaluation.set_preprocess_fingerprint(ViewsFingerprint(encoder, policy));
  evaluation.set_num_features(static_cast<int32_t>(encoder.feature_size()));
  return evaluation;
}

void AddImages(const Dataset& images, int64_t rows, const StageContext& context,
               v1::Evaluation* evaluation) {
  v1::EvaluatedSet* set = evaluation->add_sets();
  set->set_role("test");
  set->set_split(images.split().name());
  set->set_dataset_fingerprint(context.input_fingerprint("input"));
  set->set_num_rows(static_cast<int32_t>(rows));
}

}  // namespace cassle
