// Predictions as people take them away: CSV, JSON lines, or a page of pictures.
#ifndef CASSLE_EVAL_ON_IMAGES_PREDICTION_WRITER_H_
#define CASSLE_EVAL_ON_IMAGES_PREDICTION_WRITER_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/eval/on_images/predict_options.pb.h"

namespace cassle {

struct Prediction {
  // The image's name.
  std::string image;
  // Class and probability, the most probable first; at least one.
  std::vector<std::pair<int, double>> top;
  // A JPEG file; only where there is a page.
  std::string picture;
};

// What all predictions have in common.
struct PredictionHead {
  // "label", "hue", ...
  std::string target;
  std::vector<std::string> class_names;
  // Classes of each prediction.
  int top_k = 1;
  // Of a page: who says it ("MoCo-v2, 200 epochs; linear-probe").
  std::string origin;
};

class PredictionWriter {
 public:
  virtual ~PredictionWriter() = default;
  // \error kResourceExhausted if it cannot be written; so does Finish.
  virtual absl::Status Append(Prediction prediction) = 0;
  // damaged: names of images without a prediction, and why.
  virtual absl::Status Finish(const std::vector<std::pair<std::string, std::string>>& damaged) = 0;
};

// Writes predictions.csv, .jsonl or .html into the folder; without one (not a page) to stdout.
// \error kResourceExhausted if it cannot be written.
absl::StatusOr<std::unique_ptr<PredictionWriter>> OpenPredictionWriter(
    v1::PredictOptions::Format format, const std::string& folder, PredictionHead head);

// "0.97", "3.2e-09": six digits, as CSV and JSON have them.
std::string ProbabilityText(double probability);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_PREDICTION_WRITER_H_
