#include "cassle/eval/on_embeddings/knn_stage.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/classifiers/classifier_file.h"
#include "cassle/eval/embeddings/class_targets.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/eval/result/label_warnings.h"
#include "cassle/probes/accuracy.h"
#include "cassle/probes/nearest_neighbors.h"

namespace cassle {
namespace {

using Options = v1::KnnOptions;

constexpr int64_t kDefaultNeighbors[] = {1, 5, 20, 200};

// What to vote with, as asked for or by default; ascending, each once.
struct Votes {
  std::vector<int64_t> neighbors;
  std::vector<double> temperatures;
};

// available: neighbours that every query has.
absl::StatusOr<Votes> ChooseVotes(const Options& options, int64_t available) {
  Votes votes;
  votes.neighbors.assign(options.k().begin(), options.k().end());
  if (votes.neighbors.empty()) {
    std::copy_if(std::begin(kDefaultNeighbors), std::end(kDefaultNeighbors),
                 std::back_inserter(votes.neighbors), [&](int64_t k) { return k <= available; });
  }
  if (votes.neighbors.back() > available) {
    return absl::FailedPreconditionError(
        absl::StrCat("--k=", votes.neighbors.back(), ": an image has ", available,
                     " neighbours in --train; choose at most that many, or embed more images"));
  }
  votes.temperatures.assign(options.temperature().begin(), options.temperature().end());
  if (votes.temperatures.empty()) {
    votes.temperatures = {options.metric() == Options::EUCLIDEAN ? 0.0 : 0.07};
  }
  return votes;
}

std::string TemperatureName(double temperature) {
  return temperature == 0 ? "unweighted" : absl::StrCat("T = ", temperature);
}

// Returns the accuracies [neighbors, temperatures], row-major.
std::vector<double> AddScores(const LearntTarget& target, const NeighborTable& table,
                              const Votes& votes, v1::Evaluation* evaluation) {
  std::vector<double> accuracies(votes.neighbors.size() * votes.temperatures.size());
  v1::Chart chart;
  chart.set_name(absl::StrCat("knn ", target.name));
  chart.set_title(absl::StrCat("Accuracy of nearest neighbours: ", target.name));
  chart.set_kind(v1::Chart::LINES);
  chart.mutable_x()->set_label("neighbours k");
  chart.mutable_x()->set_logarithmic(true);
  chart.mutable_y()->set_label("accuracy, %");
  for (size_t t = 0; t < votes.temperatures.size(); ++t) {
    const double temperature = votes.temperatures[t];
    v1::ChartLine* line = chart.add_series();
    line->set_name(TemperatureName(temperature));
    for (size_t n = 0; n < votes.neighbors.size(); ++n) {
      const int64_t k = votes.neighbors[n];
      const std::vector<int> predicted =
          VoteByNeighbors(table, target.train, target.classes(), k, temperature);
      const double accuracy = CountRight(predicted, target.test, target.classes()).Top1();
      accuracies[n * votes.temperatures.size() + t] = accuracy;
      line->add_x(k);
      line->add_y(100 * accuracy);
      // One neighbour wins with any weight.
      if (k == 1 && t > 0) continue;
      std::string name = absl::StrCat(target.name, ", k = ", k);
      if (k > 1) absl::StrAppend(&name, ", ", TemperatureName(temperature));
      AddAccuracy(name, accuracy, target.test.size(), evaluation)
          ->set_chance(target.Chance().Top1());
    }
  }
  if (votes.neighbors.size() > 1) *evaluation->add_charts() = std::move(chart);
  return accuracies;
}

// suffix: of the tensors' names.
void AddNeighbors(const NeighborTable& table, const LearntTarget& target, const TrainAndTest& sets,
                  NeighborMetric metric, const std::string& suffix, SafetensorsWriter* writer) {
  const bool cosine = metric == NeighborMetric::kCosine;
  std::vector<int64_t> rows;
  for (const int64_t row : table.rows) rows.push_back(target.train_rows[row]);
  std::vector<float> values = table.similarities;
  // 0 - x, so that no distance is written as -0.
  if (!cosine)
    std::transform(values.begin(), values.end(), values.begin(), [](float x) { return 0 - x; });
  writer->Add<int64_t>(absl::StrCat("rows", suffix), DType::kI64, {table.queries, table.neighbors},
                       rows);
  writer->Add<float>(absl::StrCat(cosine ? "similarities" : "distances", suffix), DType::kF32,
                     {table.queries, table.neighbors}, values);
  if (table.queries == sets.tested().rows()) return;
  writer->Add<int64_t>(absl::StrCat("queries", suffix), DType::kI64, {table.queries},
                       target.test_rows);
}

// The neighbours among the rows that have the target.
absl::StatusOr<NeighborTable> Search(const TrainAndTest& sets, const LearntTarget& target,
                                     const NeighborOptions& search, const StageContext& context) {
  const SelectedFeatures bank(*sets.train, target.train_rows);
  const SelectedFeatures queries(sets.tested(), target.test_rows);
  const int64_t columns = sets.train->columns();
  NeighborTable table =
      FindNeighbors({bank.values(), columns}, {queries.values(), columns}, search);
  if (context.interrupted()) return absl::CancelledError("interrupted; run the same command again");
  return table;
}

}  // namespace

absl::Status RunKnn(const Options& options, StageContext& context) {
  CASSLE_ASSIGN_OR_RETURN(const TrainAndTest sets,
                          OpenTrainAndTest(options.train(), options.test()));
  const bool leave_one_out = !sets.test.has_value();
  if (leave_one_out && sets.train->rows() == 1) {
    return absl::FailedPreconditionError(
        "--train has one image, which has no neighbours: name another set as --test, or embed more "
        "images");
  }
  CASSLE_ASSIGN_OR_RETURN(const std::vector<LearntTarget> targets,
                          ReadLearntTargets({options.target().begin(), options.target().end()},
                                            *sets.train, sets.test_or_null()));
  // The same votes for all targets: what the smallest set of rows allows.
  int64_t fewest = sets.train->rows();
  for (const LearntTarget& target : targets) {
    fewest = std::min(fewest, static_cast<int64_t>(target.train_rows.size()));
  }
  CASSLE_ASSIGN_OR_RETURN(const Votes votes,
                          ChooseVotes(options, fewest - (leave_one_out ? 1 : 0)));
  NeighborOptions search;
  search.neighbors = votes.neighbors.back();
  search.metric =
      options.metric() == Options::EUCLIDEAN ? NeighborMetric::kEuclidean : NeighborMetric::kCosine;
  search.leave_one_out = leave_one_out;
  search.threads = context.threads();
  search.interrupted = [&] { return context.interrupted(); };

  v1::Evaluation evaluation = DescribeEvaluation("knn", "Nearest neighbours", *sets.train);
  AddEvaluatedSet("train", *sets.train, MostTrainRows(targets), &evaluation);
  if (!leave_one_out) AddEvaluatedSet("test", *sets.test, MostTestRows(targets), &evaluation);
  CASSLE_RETURN_IF_ERROR(AddLabelWarnings(sets, targets, &evaluation, &context));
  NeighborTable table;
  SafetensorsWriter writer;
  ClassifierWriter classifiers(*sets.train);
  classifiers.SetVotes(votes.neighbors, votes.temperatures,
                       search.metric == NeighborMetric::kEuclidean ? "euclidean" : "cosine",
                       context.input_fingerprint("train"));
  const LearntTarget* searched = nullptr;
  for (const LearntTarget& target : targets) {
    if (searched == nullptr || !target.HasRowsOf(*searched)) {
      CASSLE_ASSIGN_OR_RETURN(table, Search(sets, target, search, context));
      // Of targets that all have the same rows there is one table.
      AddNeighbors(table, target, sets, search.metric,
                   searched == nullptr ? "" : absl::StrCat(".", target.name), &writer);
      searched = &target;
    }
    classifiers.AddVotes(target.name, target.class_names,
                         AddScores(target, table, votes, &evaluation));
  }
  for (const v1::Score& score : evaluation.scores()) {
    context.Say(absl::StrFormat("%s: %.2f %%", score.name(), 100 * score.value()));
  }
  const std::string& dir = context.output_dir();
  if (!dir.empty()) {
    CASSLE_RETURN_IF_ERROR(writer.Write(JoinPath(dir, "neighbors.safetensors")));
    CASSLE_RETURN_IF_ERROR(classifiers.Write(dir));
  }
  context.Count("train", MostTrainRows(targets));
  context.Count("test", MostTestRows(targets));
  return WriteEvaluation(evaluation, context);
}

}  // namespace cassle
