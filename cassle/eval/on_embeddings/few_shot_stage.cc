#include "cassle/eval/on_embeddings/few_shot_stage.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/thread_pool.h"
#include "cassle/eval/embeddings/class_targets.h"
#include "cassle/eval/embeddings/embeddings.h"
#include "cassle/eval/embeddings/label_notes.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/probes/few_shot.h"
#include "cassle/stage/progress.h"

namespace cassle {
namespace {

using Options = v1::FewShotOptions;

absl::Status CheckOptions(const Options& options) {
  if (options.embeddings().empty()) {
    return absl::InvalidArgumentError("--embeddings is missing: name an output folder of embed");
  }
  const std::set<int> shots(options.shots().begin(), options.shots().end());
  if (static_cast<int>(shots.size()) != options.shots_size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--shots=", absl::StrJoin(options.shots(), ","), " names a number twice"));
  }
  return absl::OkStatus();
}

// The rows of each class of one target.
struct Pool {
  std::string target;
  std::vector<std::vector<int64_t>> classes;
  // Rows that are left out; classes without images.
  std::string warning, note;
};

absl::StatusOr<Pool> ReadPool(const Embeddings& embeddings, const std::string& name,
                              const std::vector<EpisodeShape>& shapes) {
  CASSLE_ASSIGN_OR_RETURN(ClassTarget target, embeddings.Target(name));
  Pool pool;
  pool.target = name;
  pool.classes.resize(*std::max_element(target.values.begin(), target.values.end()) + 1);
  for (size_t row = 0; row < target.values.size(); ++row) {
    if (target.values[row] == kNoClass) continue;
    pool.classes[target.values[row]].push_back(static_cast<int64_t>(row));
  }
  pool.warning = LeftOutSentence("embeddings", absl::StrCat("class of ", name),
                                 std::count(target.values.begin(), target.values.end(), kNoClass),
                                 embeddings.rows());
  std::vector<int64_t> counts(target.class_names.size());
  for (size_t c = 0; c < counts.size() && c < pool.classes.size(); ++c) {
    counts[c] = static_cast<int64_t>(pool.classes[c].size());
  }
  const std::string empty = EmptyClassesSentence(target.class_names, counts, counts);
  if (!empty.empty()) pool.note = absl::StrCat(name, ": ", empty);
  int present = 0;
  for (const std::vector<int64_t>& rows : pool.classes) present += !rows.empty();
  for (const EpisodeShape& shape : shapes) {
    if (present < shape.ways) {
      return absl::FailedPreconditionError(absl::StrCat(
          "target '", name, "': --embeddings has images of ", present, " classes, --ways=",
          shape.ways, " needs as many; lower it, or embed a split with more classes"));
    }
    for (size_t c = 0; c < pool.classes.size(); ++c) {
      const int64_t has = pool.classes[c].size();
      if (has == 0 || has >= shape.rows_per_class()) continue;
      const std::string class_name =
          target.class_names.empty() ? absl::StrCat(c) : target.class_names[c];
      return absl::FailedPreconditionError(absl::StrCat(
          "target '", name, "': class ", class_name, " has ", has, " images, --shots=", shape.shots,
          " and --queries=", shape.queries, " need ", shape.rows_per_class(),
          "; lower them, or embed a split with more images per class"));
    }
  }
  return pool;
}

struct Episodes {
  std::vector<int64_t> rows;
  std::vector<double> accuracies;
};

absl::StatusOr<Episodes> RunEpisodes(const Embeddings& embeddings, const Pool& pool,
                                     const EpisodeShape& shape, const Options& options,
                                     const StageContext& context) {
  Episodes episodes;
  episodes.rows.resize(options.episodes() * shape.rows());
  episodes.accuracies.resize(options.episodes());
  const FeatureRows features{embeddings.features(), embeddings.columns()};
  absl::Mutex counting;
  Progress progress(absl::StrCat(pool.target, ", ", shape.shots, "-shot"), options.episodes(),
                    "episodes");
  int64_t done = 0;
  ParallelFor(context.threads(), options.episodes(), [&](int64_t e) {
    if (context.interrupted()) return;
    const std::vector<int64_t> rows = DrawEpisode(pool.classes, shape, options.seed(), e);
    std::copy(rows.begin(), rows.end(), episodes.rows.begin() + e * shape.rows());
    episodes.accuracies[e] = RunEpisode(features, rows, shape, options.c()).accuracy;
    const absl::MutexLock lock(&counting);
    progress.Set(++done);
  });
  if (context.interrupted()) return absl::CancelledError("interrupted; run the same command again");
  return episodes;
}

void AddScore(const Pool& pool, const EpisodeShape& shape, const Episodes& episodes,
              v1::Evaluation* evaluation) {
  const EpisodeMean all = MeanOfEpisodes(episodes.accuracies);
  v1::Score* score =
      AddAccuracy(absl::StrCat(pool.target, ", ", shape.ways, "-way ", shape.shots, "-shot"),
                  all.mean, episodes.accuracies.size(), evaluation);
  score->set_half_width(all.half_width);
  score->set_chance(1.0 / shape.ways);
}

}  // namespace

absl::Status RunFewShot(const Options& options, StageContext& context) {
  CASSLE_RETURN_IF_ERROR(CheckOptions(options));
  CASSLE_ASSIGN_OR_RETURN(const Embeddings embeddings,
                          Embeddings::Open("embeddings", options.embeddings()));
  CASSLE_RETURN_IF_ERROR(RequireOneRowPerImage("embeddings", embeddings));
  CASSLE_ASSIGN_OR_RETURN(
      const std::vector<std::string> names,
      ClassTargetNames({options.target().begin(), options.target().end()}, embeddings));
  std::vector<EpisodeShape> shapes;
  std::vector<int> shots(options.shots().begin(), options.shots().end());
  if (shots.empty()) shots = {1, 5};
  for (int count : shots) shapes.push_back({options.ways(), count, options.queries()});
  std::vector<Pool> pools;
  for (const std::string& name : names) {
    CASSLE_ASSIGN_OR_RETURN(Pool pool, ReadPool(embeddings, name, shapes));
    pools.push_back(std::move(pool));
  }
  v1::Evaluation evaluation = DescribeEvaluation("few-shot", "Few-shot classification", embeddings);
  AddEvaluatedSet("episodes", embeddings, embeddings.rows(), &evaluation);
  const std::string collapsed = CollapsedSentence(embeddings);
  if (!collapsed.empty()) evaluation.add_warnings(collapsed);
  SafetensorsWriter writer;
  for (const Pool& pool : pools) {
    if (!pool.warning.empty()) evaluation.add_warnings(pool.warning);
    if (!pool.note.empty()) context.Note(pool.note);
    for (const EpisodeShape& shape : shapes) {
      CASSLE_ASSIGN_OR_RETURN(const Episodes episodes,
                              RunEpisodes(embeddings, pool, shape, options, context));
      AddScore(pool, shape, episodes, &evaluation);
      const std::string suffix = absl::StrCat(pool.target, ".", shape.shots);
      writer.Add<int64_t>(absl::StrCat("rows.", suffix), DType::kI64,
                          {options.episodes(), shape.rows()}, episodes.rows);
      writer.Add<double>(absl::StrCat("accuracy.", suffix), DType::kF64, {options.episodes()},
                         episodes.accuracies);
      const v1::Score& score = evaluation.scores(evaluation.scores_size() - 1);
      context.Say(absl::StrFormat("%s: %.2f +- %.2f %%", score.name(), 100 * score.value(),
                                  100 * score.half_width()));
    }
  }
  const std::string& dir = context.output_dir();
  context.Count("episodes", options.episodes());
  // First the result: it knows which scores are asked for twice.
  CASSLE_RETURN_IF_ERROR(WriteEvaluation(evaluation, context));
  if (dir.empty()) return absl::OkStatus();
  return writer.Write(JoinPath(dir, "episodes.safetensors"));
}

}  // namespace cassle
