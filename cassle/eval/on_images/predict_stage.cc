#include "cassle/eval/on_images/predict_stage.h"

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/on_images/new_image_source.h"
#include "cassle/eval/on_images/new_images.h"
#include "cassle/eval/on_images/prediction_writer.h"
#include "cassle/eval/on_images/predictor.h"
#include "cassle/models/networks/vit_positions.h"
#include "cassle/runtime/torch_guard.h"
#include "cassle/runtime/torch_runtime.h"

namespace cassle {
namespace {

using Options = v1::PredictOptions;

// Images that are classified together: neighbours are faster to find for many.
constexpr int64_t kClassifiedRows = 512;
// Of --page_images.
constexpr int kPageImages = 500;

absl::Status CheckOptions(const Options& options) {
  const bool fine_tuned = !options.fine_tuned().empty();
  if (fine_tuned && (!options.model().empty() || !options.classifier().empty())) {
    return absl::InvalidArgumentError(
        "--fine_tuned is encoder and classifier: leave --model and --classifier out");
  }
  if (!fine_tuned && (options.model().empty() || options.classifier().empty())) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--", options.model().empty() ? "model" : "classifier",
        " is missing: name --model (of pretrain) and --classifier (of linear-probe, sgd-probe or "
        "knn), or --fine_tuned"));
  }
  for (const auto& [given, flag] :
       {std::pair(!options.target().empty(), "target"),
        std::pair(!options.train().empty(), "train"), std::pair(options.has_k(), "k"),
        std::pair(options.has_temperature(), "temperature")}) {
    if (given && fine_tuned) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag, " is for --classifier; a fine-tuned model has one target"));
    }
  }
  if (options.format() == Options::PAGE && options.output() == "-") {
    return absl::InvalidArgumentError("--output=-: a page is a file of a folder, not a stream");
  }
  if (options.format() != Options::PAGE && options.has_page_images()) {
    return absl::InvalidArgumentError("--page_images goes with --format=page");
  }
  if (options.input().empty()) {
    return absl::InvalidArgumentError(
        "--input is missing: name a folder, an archive or a CSV of new images");
  }
  return absl::OkStatus();
}

absl::StatusOr<NewImageSource> OpenImages(const Options& options, const StageContext& context) {
  return OpenNewImages(options.source(), NewImageArguments(options.input(), options), context);
}

// Takes batches, writes predictions.
class Run {
 public:
  Run(const Options& options, Predictor predictor, std::shared_ptr<const Tally> of_source,
      StageContext* context)
      : options_(options),
        predictor_(std::move(predictor)),
        of_source_(std::move(of_source)),
        context_(*context),
        images_of_(predictor_.classifier->class_names().size()) {}

  absl::Status Predict(ImageSource* source) {
    CASSLE_ASSIGN_OR_RETURN(writer_,
                            OpenPredictionWriter(options_.format(), context_.output_dir(), Head()));
    CASSLE_RETURN_IF_ERROR(ForEachNewBatch({.batch_size = options_.batch_size(),
                                            .max_pixels = options_.max_pixels(),
                                            .pictures = IsPage() ? PageImages() : 0},
                                           *predictor_.encoder, context_, source,
                                           [this](NewBatch* batch) { return Take(batch); }));
    CASSLE_RETURN_IF_ERROR(Classify());
    return Finish();
  }

 private:
  bool IsPage() const { return options_.format() == Options::PAGE; }

  int PageImages() const {
    return options_.has_page_images() ? options_.page_images() : kPageImages;
  }

  PredictionHead Head() const {
    PredictionHead head;
    head.target = predictor_.classifier->target();
    head.class_names = predictor_.classifier->class_names();
    head.top_k = TopK();
    head.origin = predictor_.encoder->spec().provenance();
    return head;
  }

  int TopK() const {
    const int classes = static_cast<int>(predictor_.classifier->class_names().size());
    return std::min(options_.top_k(), classes);
  }

  absl::Status Take(NewBatch* batch) {
    for (NewImage& image : batch->images) {
      if (damaged_.Take(&image, &context_)) continue;
      waiting_.push_back({std::move(image.key), {}, std::move(image.picture)});
    }
    features_.insert(features_.end(), batch->features.begin(), batch->features.end());
    return static_cast<int64_t>(waiting_.size()) < kClassifiedRows ? absl::OkStatus() : Classify();
  }

  // All that wait.
  absl::Status Classify() {
    if (waiting_.empty()) return absl::OkStatus();
    CASSLE_ASSIGN_OR_RETURN(const std::vector<double> probabilities,
                            predictor_.classifier->Probabilities(features_));
    const size_t classes = images_of_.size();
    std::vector<int> order(classes);
    for (size_t i = 0; i < waiting_.size(); ++i) {
      const double* p = probabilities.data() + i * classes;
      std::iota(order.begin(), order.end(), 0);
      std::partial_sort(order.begin(), order.begin() + TopK(), order.end(),
                        [&](int a, int b) { return p[a] != p[b] ? p[a] > p[b] : a < b; });
      for (int c = 0; c < TopK(); ++c) waiting_[i].top.emplace_back(order[c], p[order[c]]);
      ++images_of_[order[0]];
      ++images_;
      CASSLE_RETURN_IF_ERROR(writer_->Append(std::move(waiting_[i])));
    }
    waiting_.clear();
    features_.clear();
    return absl::OkStatus();
  }

  absl::Status Finish() {
    CASSLE_RETURN_IF_ERROR(damaged_.CheckSome(images_, options_.input(), *of_source_));
    if (IsPage() && images_ > PageImages()) {
      context_.Note(absl::StrCat("the page shows the first ", PageImages(), " of ", images_,
                                 " images: --page_images shows more, --format=csv lists all"));
    }
    CASSLE_RETURN_IF_ERROR(writer_->Finish(damaged_.list()));
    context_.Count("images", images_);
    CASSLE_RETURN_IF_ERROR(damaged_.Finish(*of_source_, &context_));
    v1::PredictResult result;
    result.set_images(images_);
    result.set_damaged(damaged_.count());
    result.set_target(predictor_.classifier->target());
    for (size_t c = 0; c < images_of_.size(); ++c) {
      if (images_of_[c] == 0) continue;
      v1::PredictedClass* predicted = result.add_classes();
      predicted->set_name(predictor_.classifier->class_names()[c]);
      predicted->set_images(images_of_[c]);
    }
    return context_.SetResult(result);
  }

  const Options& options_;
  const Predictor predictor_;
  // The source's, which its reader counts in until all images are taken.
  const std::shared_ptr<const Tally> of_source_;
  StageContext& context_;
  std::unique_ptr<PredictionWriter> writer_;
  // Images whose features are known, and the features.
  std::vector<Prediction> waiting_;
  std::vector<float> features_;
  DamagedImages damaged_{"have no prediction"};
  int64_t images_ = 0;
  // By predicted class.
  std::vector<int64_t> images_of_;
};

absl::Status PredictImages(const Options& options, StageContext& context) {
  // One thread per batch, several batches at once.
  ConfigureTorch(/*compute_threads=*/1);
  CASSLE_ASSIGN_OR_RETURN(Predictor predictor, OpenPredictor(options, &context));
  const v1::ModelSpec& spec = predictor.encoder->spec();
  const std::string positions = ResizedPositionsSentence(spec.backbone(), spec.image_size());
  if (!positions.empty()) context.Note(positions);
  CASSLE_ASSIGN_OR_RETURN(const NewImageSource images, OpenImages(options, context));
  return Run(options, std::move(predictor), images.tally, &context).Predict(images.source.get());
}

}  // namespace

StageInfo PredictInfo() {
  StageInfo info;
  info.name = "predict";
  info.version = 4;
  info.summary =
      "Classifies new images by what linear-probe, sgd-probe, knn or fine-tune learnt: class, "
      "probability and further classes by file name.";
  info.check = CheckOf<Options>(CheckOptions);
  info.resolve = ResolvePredictor;
  return info;
}

absl::Status RunPredict(const Options& options, StageContext& context) {
  return CatchTorch([&] { return PredictImages(options, context); });
}

}  // namespace cassle
