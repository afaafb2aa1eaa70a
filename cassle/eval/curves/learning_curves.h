// From kept links to curves: accuracies over the length of the training, what each row gains over
// its baseline, and what it cost.
#ifndef CASSLE_EVAL_CURVES_LEARNING_CURVES_H_
#define CASSLE_EVAL_CURVES_LEARNING_CURVES_H_

#include <optional>
#include <string>
#include <vector>

#include "cassle/eval/curves/kept_links.pb.h"
#include "cassle/probes/paired_bootstrap.h"

namespace cassle {

// A row after so many epochs in one column.
struct LevelPoint {
  int epochs = 0;
  int num_seeds = 0;
  // Mean over the seeds there are, in [0, 1].
  double accuracy = 0;
  // Sample standard deviation over them; absent with one.
  std::optional<double> spread;
};

// The same against the baseline, over the seeds that both have.
struct GainPoint {
  int epochs = 0;
  int num_seeds = 0;
  DifferenceInterval gain;
};

// Of a row after so many epochs: means over its seeds, of the training alone. Absent if any of them
// does not tell.
struct CostPoint {
  int epochs = 0;
  int num_seeds = 0;
  std::optional<double> cpu_seconds;
  std::optional<double> wall_seconds;
  std::optional<double> energy_joules;
};

struct Curve {
  std::vector<LevelPoint> levels;
  // Empty for rows without a baseline.
  std::vector<GainPoint> gains;
};

struct RowCurves {
  v1::PlannedRow row;
  // One per column of the plan. Lengths of which nothing is known have no point.
  std::vector<Curve> columns;
  std::vector<CostPoint> costs;
};

// One per row of the plan, in its order. `links` were read with this plan.
std::vector<RowCurves> MakeCurves(const v1::TrainingPlan& plan,
                                  const std::vector<v1::KeptLink>& links,
                                  const BootstrapSettings& bootstrap);

// "MoCo-v2 + CASSLE, seed 3, 300 epochs" of every link that is planned and not kept: by length,
// then seed, then row.
std::vector<std::string> MissingLinks(const v1::TrainingPlan& plan,
                                      const std::vector<v1::KeptLink>& links);

// "MoCo-v2, seed 1, 300 epochs, which went on from the start and not from ..." of every link that
// went on from another run of its training than the one that is kept (another machine computed the
// links before again, and they differ in the last digits).
std::vector<std::string> BrokenChains(const v1::TrainingPlan& plan,
                                      const std::vector<v1::KeptLink>& links);

}  // namespace cassle

#endif  // CASSLE_EVAL_CURVES_LEARNING_CURVES_H_
