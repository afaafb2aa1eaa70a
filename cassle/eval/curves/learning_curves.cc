#include "cassle/eval/curves/learning_curves.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cassle/eval/curves/kept_links.h"

namespace cassle {
namespace {

using Links = std::vector<v1::KeptLink>;

double Accuracy(const v1::KeptProbe& probe) {
  return static_cast<double>(probe.num_right()) / probe.num_test();
}

// The links of one row and length, by the plan's order of seeds.
std::vector<const v1::KeptLink*> OfAllSeeds(const v1::TrainingPlan& plan, const Links& links,
                                            const v1::PlannedRow& row, int epochs) {
  std::vector<const v1::KeptLink*> found;
  for (const int seed : SeedsOf(plan, row)) {
    const v1::KeptLink* link = FindLink(links, row.key(), seed, epochs);
    if (link != nullptr) found.push_back(link);
  }
  return found;
}

LevelPoint LevelOf(const std::vector<const v1::KeptLink*>& links, const std::string& column) {
  LevelPoint point;
  point.epochs = links[0]->epochs();
  point.num_seeds = static_cast<int>(links.size());
  double squares = 0;
  for (const v1::KeptLink* link : links) point.accuracy += Accuracy(ProbeOf(*link, column));
  point.accuracy /= point.num_seeds;
  for (const v1::KeptLink* link : links) {
    squares += std::pow(Accuracy(ProbeOf(*link, column)) - point.accuracy, 2);
  }
  if (point.num_seeds > 1) point.spread = std::sqrt(squares / (point.num_seeds - 1));
  return point;
}

CostPoint CostOf(const std::vector<const v1::KeptLink*>& links) {
  CostPoint point;
  point.epochs = links[0]->epochs();
  point.num_seeds = static_cast<int>(links.size());
  point.cpu_seconds = point.wall_seconds = point.energy_joules = 0;
  const auto add = [&](bool told, double cost, std::optional<double>* mean) {
    if (!told) mean->reset();
    if (*mean) **mean += cost / point.num_seeds;
  };
  for (const v1::KeptLink* link : links) {
    add(link->has_cpu_seconds(), link->cpu_seconds(), &point.cpu_seconds);
    add(link->has_wall_seconds(), link->wall_seconds(), &point.wall_seconds);
    add(link->has_energy_joules(), link->energy_joules(), &point.energy_joules);
  }
  return point;
}

// Pairs of one column: the seeds that both rows have.
std::vector<PairedRun> Pairs(const v1::TrainingPlan& plan, const Links& links,
                             const v1::PlannedRow& row, int epochs, const std::string& column) {
  std::vector<PairedRun> pairs;
  for (const int seed : SeedsOf(plan, row)) {
    const v1::KeptLink* treated = FindLink(links, row.key(), seed, epochs);
    const v1::KeptLink* plain = FindLink(links, row.baseline(), seed, epochs);
    if (treated == nullptr || plain == nullptr) continue;
    pairs.push_back(
        {RightAnswers(ProbeOf(*treated, column)), RightAnswers(ProbeOf(*plain, column))});
  }
  return pairs;
}

std::string NameOf(const v1::PlannedRow& row, int seed, int epochs) {
  return absl::StrCat(row.title(), ", seed ", seed, ", ", epochs, " epochs");
}

}  // namespace

std::vector<RowCurves> MakeCurves(const v1::TrainingPlan& plan, const Links& links,
                                  const BootstrapSettings& bootstrap) {
  std::vector<RowCurves> curves;
  for (const v1::PlannedRow& row : plan.rows()) {
    RowCurves of_row;
    of_row.row = row;
    of_row.columns.resize(plan.columns_size());
    for (const int epochs : plan.epochs()) {
      const auto there = OfAllSeeds(plan, links, row, epochs);
      if (there.empty()) continue;
      of_row.costs.push_back(CostOf(there));
      for (int c = 0; c < plan.columns_size(); ++c) {
        Curve& curve = of_row.columns[c];
        curve.levels.push_back(LevelOf(there, plan.columns(c)));
        const auto pairs = Pairs(plan, links, row, epochs, plan.columns(c));
        if (pairs.empty()) continue;
        curve.gains.push_back(
            {epochs, static_cast<int>(pairs.size()), PairedBootstrap(pairs, bootstrap)});
      }
    }
    curves.push_back(std::move(of_row));
  }
  return curves;
}

std::vector<std::string> MissingLinks(const v1::TrainingPlan& plan, const Links& links) {
  std::vector<std::string> missing;
  for (const int epochs : plan.epochs()) {
    for (const int seed : plan.seeds()) {
      for (const v1::PlannedRow& row : plan.rows()) {
        const auto& seeds = SeedsOf(plan, row);
        if (std::find(seeds.begin(), seeds.end(), seed) == seeds.end()) continue;
        if (FindLink(links, row.key(), seed, epochs) != nullptr) continue;
        missing.push_back(NameOf(row, seed, epochs));
      }
    }
  }
  return missing;
}

std::vector<std::string> BrokenChains(const v1::TrainingPlan& plan, const Links& links) {
  std::vector<std::string> broken;
  for (const v1::PlannedRow& row : plan.rows()) {
    for (const int seed : SeedsOf(plan, row)) {
      const v1::KeptLink* before = nullptr;
      for (const int epochs : plan.epochs()) {
        const v1::KeptLink* link = FindLink(links, row.key(), seed, epochs);
        if (link == nullptr) continue;
        if (before != nullptr && link->begin_fingerprint() != before->model_fingerprint()) {
          broken.push_back(absl::StrCat(
              NameOf(row, seed, epochs), ", which went on from ",
              link->begin_fingerprint().empty() ? "the start" : link->begin_fingerprint(),
              " and not from ", before->model_fingerprint(), ", measured after ", before->epochs(),
              " epochs"));
        }
        before = link;
      }
    }
  }
  return broken;
}

}  // namespace cassle
