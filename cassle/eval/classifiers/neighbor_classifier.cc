#include "cassle/eval/classifiers/neighbor_classifier.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/embeddings/class_targets.h"
#include "cassle/eval/embeddings/embeddings.h"
#include "cassle/probes/nearest_neighbors.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

struct Vote {
  NeighborMetric metric = NeighborMetric::kCosine;
  int64_t neighbors = 0;
  double temperature = 0;
};

class NeighborClassifier : public Classifier {
 public:
  // rows of `train` vote with `labels`.
  NeighborClassifier(std::string target, std::vector<std::string> class_names, Embeddings train,
                     const std::vector<int64_t>& rows, std::vector<int> labels, const Vote& vote,
                     int threads)
      : Classifier(std::move(target), std::move(class_names)),
        train_(std::move(train)),
        bank_(train_, rows),
        labels_(std::move(labels)),
        vote_(vote),
        threads_(threads) {}

  absl::StatusOr<std::vector<double>> Probabilities(absl::Span<const float> features) override {
    NeighborOptions search;
    search.neighbors = vote_.neighbors;
    search.metric = vote_.metric;
    search.threads = threads_;
    const NeighborTable table =
        FindNeighbors({bank_.values(), train_.columns()}, {features, train_.columns()}, search);
    return VoteShares(table, labels_, static_cast<int>(class_names().size()), vote_.neighbors,
                      vote_.temperature);
  }

 private:
  const Embeddings train_;
  // Points into train_.
  const SelectedFeatures bank_;
  const std::vector<int> labels_;
  const Vote vote_;
  const int threads_;
};

// What was asked for; else, of what was tested, what was most accurate, the first of equals.
absl::StatusOr<Vote> ChooseVote(const SafetensorsFile& file, const std::string& target,
                                const ClassifierOptions& options) {
  CASSLE_ASSIGN_OR_RETURN(const TensorView k, file.Get("k", DType::kI64, 1));
  CASSLE_ASSIGN_OR_RETURN(const TensorView temperature, file.Get("temperature", DType::kF64, 1));
  const std::string name = absl::StrCat("accuracy.", target);
  CASSLE_ASSIGN_OR_RETURN(const TensorView accuracy, file.Get(name, DType::kF64, 2));
  const int64_t temperatures = temperature.shape[0];
  if (accuracy.shape != std::vector<int64_t>{k.shape[0], temperatures} ||
      accuracy.num_elements() == 0) {
    return absl::DataLossError(
        absl::StrCat(file.path(), ": ", name, " does not fit k and temperature: run knn again"));
  }
  Vote vote;
  vote.metric =
      file.Metadata("metric") == "euclidean" ? NeighborMetric::kEuclidean : NeighborMetric::kCosine;
  double best = -1;
  for (int64_t i = 0; i < accuracy.num_elements(); ++i) {
    if (accuracy.values<double>()[i] <= best) continue;
    best = accuracy.values<double>()[i];
    vote.neighbors = k.values<int64_t>()[i / temperatures];
    vote.temperature = temperature.values<double>()[i % temperatures];
  }
  if (options.neighbors > 0) vote.neighbors = options.neighbors;
  if (options.temperature >= 0) vote.temperature = options.temperature;
  return vote;
}

absl::StatusOr<Embeddings> OpenVoters(const SafetensorsFile& file, const std::string& train) {
  if (train.empty()) {
    return absl::InvalidArgumentError(
        "--train is missing: neighbours vote, so name the embeddings that knn had as --train");
  }
  CASSLE_ASSIGN_OR_RETURN(Embeddings embeddings, Embeddings::Open("train", train));
  CASSLE_ASSIGN_OR_RETURN(const std::string fingerprint, FingerprintInput(train));
  if (fingerprint != file.Metadata("train_fingerprint")) {
    return absl::FailedPreconditionError(
        absl::StrCat("--train=", train, " has the fingerprint ", fingerprint,
                     "; the embeddings that knn had as --train have ",
                     file.Metadata("train_fingerprint"), ": name those"));
  }
  return embeddings;
}

}  // namespace

absl::Status OpenNeighborClassifier(const SafetensorsFile& file, const std::string& target,
                                    std::vector<std::string> class_names,
                                    const ClassifierOptions& options, OpenedClassifier* opened) {
  CASSLE_ASSIGN_OR_RETURN(const Vote vote, ChooseVote(file, target, options));
  CASSLE_ASSIGN_OR_RETURN(Embeddings train, OpenVoters(file, options.train));
  CASSLE_ASSIGN_OR_RETURN(const ClassTarget classes, train.Target(target));
  std::vector<int64_t> rows;
  std::vector<int> labels;
  for (size_t row = 0; row < classes.values.size(); ++row) {
    if (classes.values[row] == kNoClass) continue;
    rows.push_back(static_cast<int64_t>(row));
    labels.push_back(classes.values[row]);
  }
  if (*std::max_element(labels.begin(), labels.end()) >= static_cast<int>(class_names.size())) {
    return absl::DataLossError(
        absl::StrCat(file.path(), ": it names fewer classes of ", target, " than vote"));
  }
  if (vote.neighbors > static_cast<int64_t>(rows.size())) {
    return absl::InvalidArgumentError(absl::StrCat("--k=", vote.neighbors, ": only ", rows.size(),
                                                   " images of --train have a class of ", target));
  }
  opened->columns = train.columns();
  opened->note = absl::StrCat("k = ", vote.neighbors, ", temperature ", vote.temperature);
  if (options.neighbors <= 0 || options.temperature < 0) {
    absl::StrAppend(&opened->note, ": the most accurate that knn tested");
  }
  opened->classifier =
      std::make_unique<NeighborClassifier>(target, std::move(class_names), std::move(train), rows,
                                           std::move(labels), vote, options.threads);
  return absl::OkStatus();
}

}  // namespace cassle
