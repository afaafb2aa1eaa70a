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
#include "cassle/eval/embeddings/class_targets.h"
#include "cassle/eval/result/evaluation.h"
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
  if (available < 1) {
    return absl::FailedPreconditionError(
        "--train has one image, which has no neighbours: name another set as --test, or embed more "
        "images");
  }
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

void AddScores(const LearntTarget& target, const NeighborTable& table, const Votes& votes,
               v1::Evaluation* evaluation) {
  v1::Chart chart;
  chart.set_name(absl::StrCat("knn ", target.name));
  chart.set_title(absl::StrCat("Accuracy of nearest neighbours: ", target.name));
  chart.set_kind(v1::Chart::LINES);
  chart.mutable_x()->set_label("neighbours k");
  chart.mutable_x()->set_logarithmic(true);
  chart.mutable_y()->set_label("accuracy");
  for (double temperature : votes.temperatures) {
    v1::ChartLine* line = chart.add_series();
    line->set_name(TemperatureName(temperature));
    for (int64_t k : votes.neighbors) {
      const std::vector<int> predicted =
          VoteByNeighbors(table, target.train, target.classes(), k, temperature);
      const double accuracy = CountRight(predicted, target.test, target.classes()).Top1();
      line->add_x(k);
      line->add_y(accuracy);
      // One neighbour wins with any weight.
      if (k == 1 && temperature != votes.temperatures.front()) continue;
      std::string name = absl::StrCat(target.name, ", k = ", k);
      if (k > 1) absl::StrAppend(&name, ", ", TemperatureName(temperature));
      AddAccuracy(name, accuracy, target.test.size(), evaluation)
          ->set_chance(target.ChanceAccuracy());
    }
  }
  if (votes.neighbors.size() > 1) *evaluation->add_charts() = std::move(chart);
}

absl::Status WriteNeighbors(const NeighborTable& table, NeighborMetric metric,
                            const std::string& dir) {
  const bool cosine = metric == NeighborMetric::kCosine;
  std::vector<float> values = table.similarities;
  // 0 - x, so that no distance is written as -0.
  if (!cosine)
    std::transform(values.begin(), values.end(), values.begin(), [](float x) { return 0 - x; });
  SafetensorsWriter writer;
  writer.Add<int64_t>("rows", DType::kI64, {table.queries, table.neighbors}, table.rows);
  writer.Add<float>(cosine ? "similarities" : "distances", DType::kF32,
                    {table.queries, table.neighbors}, values);
  return writer.Write(JoinPath(dir, "neighbors.safetensors"));
}

}  // namespace

absl::Status RunKnn(const Options& options, StageContext& context) {
  CASSLE_ASSIGN_OR_RETURN(const TrainAndTest sets,
                          OpenTrainAndTest(options.train(), options.test()));
  const Embeddings &train = *sets.train, &test = sets.tested();
  const bool leave_one_out = !sets.test.has_value();
  CASSLE_ASSIGN_OR_RETURN(const Votes votes,
                          ChooseVotes(options, train.rows() - (leave_one_out ? 1 : 0)));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<LearntTarget> targets,
                          ReadLearntTargets({options.target().begin(), options.target().end()},
                                            train, sets.test_or_null()));
  NeighborOptions search;
  search.neighbors = votes.neighbors.back();
  search.metric =
      options.metric() == Options::EUCLIDEAN ? NeighborMetric::kEuclidean : NeighborMetric::kCosine;
  search.leave_one_out = leave_one_out;
  search.threads = context.threads();
  search.interrupted = [&] { return context.interrupted(); };
  const NeighborTable table =
      FindNeighbors({train.features(), train.columns()}, {test.features(), test.columns()}, search);
  if (context.interrupted()) return absl::CancelledError("interrupted");

  v1::Evaluation evaluation = DescribeEvaluation("knn", "Nearest neighbours", train);
  AddEvaluatedSet("train", train, train.rows(), &evaluation);
  if (!leave_one_out) {
    AddEvaluatedSet("test", test, test.rows(), &evaluation);
    const std::string shared = SharedImagesWarning(train, test);
    if (!shared.empty()) evaluation.add_warnings(shared);
  }
  for (const LearntTarget& target : targets) {
    const std::string missing = target.MissingClassesWarning();
    if (!missing.empty()) evaluation.add_warnings(missing);
    AddScores(target, table, votes, &evaluation);
  }
  for (const v1::Score& score : evaluation.scores()) {
    context.Say(absl::StrFormat("%s: %.2f %%", score.name(), 100 * score.value()));
  }
  const std::string& dir = context.output_dir();
  if (!dir.empty()) CASSLE_RETURN_IF_ERROR(WriteNeighbors(table, search.metric, dir));
  context.Count("train", train.rows());
  context.Count("test", test.rows());
  return WriteEvaluation(evaluation, context);
}

}  // namespace cassle
