#include "cassle/eval/curves/curves_text.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cassle/base/csv.h"

namespace cassle {
namespace {

constexpr char kNotYet[] = "not yet computed";

// The point after so many epochs; null: not known.
template <class Point>
const Point* At(const std::vector<Point>& points, int epochs) {
  for (const Point& point : points) {
    if (point.epochs == epochs) return &point;
  }
  return nullptr;
}

std::string Row(const std::vector<std::string>& cells) {
  return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |\n");
}

std::string Header(const std::vector<std::string>& names) {
  std::vector<std::string> alignments(names.size(), "---:");
  alignments[0] = "---";
  return Row(names) + Row(alignments);
}

std::string LevelText(const LevelPoint& point) {
  std::string text = absl::StrFormat("%.1f", 100 * point.accuracy);
  if (point.spread) absl::StrAppendFormat(&text, " ± %.1f", 100 * *point.spread);
  return text;
}

// Signed points; -0.04 is "0.0".
std::string Points(double fraction) {
  const std::string text = absl::StrFormat("%+.1f", 100 * fraction);
  return text == "-0.0" || text == "+0.0" ? "0.0" : text;
}

// Bold where zero is outside of the interval.
std::string GainText(const DifferenceInterval& gain) {
  const bool sure = gain.low > 0 || gain.high < 0;
  return absl::StrCat(sure ? "**" : "", Points(gain.mean), sure ? "**" : "", " (", Points(gain.low),
                      " to ", Points(gain.high), ")");
}

std::string CostText(const v1::TrainingPlan& plan, const CostPoint& cost) {
  return plan.gpu() ? absl::StrFormat("%.1f", cost.wall_seconds / 60)
                    : absl::StrFormat("%.2f", cost.cpu_seconds / 3600);
}

std::string EnergyText(const CostPoint& cost) {
  return cost.energy_joules ? absl::StrFormat("%.1f", *cost.energy_joules / 3600) : "not told";
}

std::vector<std::string> WithColumns(const v1::TrainingPlan& plan, std::vector<std::string> names) {
  names.insert(names.end(), plan.columns().begin(), plan.columns().end());
  return names;
}

std::string LevelTable(const v1::TrainingPlan& plan, const std::vector<RowCurves>& curves,
                       int epochs) {
  std::vector<std::string> names = WithColumns(plan, {"encoder", "seeds"});
  names.push_back(plan.gpu() ? "minutes of a GPU" : "CPU hours");
  names.push_back("energy, Wh");
  std::string text = Header(names);
  for (const RowCurves& curve : curves) {
    std::vector<std::string> cells = {curve.row.title()};
    if (const CostPoint* cost = At(curve.costs, epochs)) {
      cells.push_back(absl::StrCat(cost->num_seeds));
      for (const Curve& column : curve.columns) {
        cells.push_back(LevelText(*At(column.levels, epochs)));
      }
      cells.push_back(CostText(plan, *cost));
      cells.push_back(EnergyText(*cost));
    } else {
      cells.push_back(kNotYet);
    }
    cells.resize(names.size());
    text += Row(cells);
  }
  return text;
}

std::string GainTable(const v1::TrainingPlan& plan, const std::vector<RowCurves>& curves,
                      int epochs) {
  const std::vector<std::string> names = WithColumns(plan, {"encoder", "seeds"});
  std::string text = Header(names);
  for (const RowCurves& curve : curves) {
    if (curve.row.baseline().empty()) continue;
    std::vector<std::string> cells = {curve.row.title()};
    if (const GainPoint* first = At(curve.columns[0].gains, epochs)) {
      cells.push_back(absl::StrCat(first->num_seeds));
      for (const Curve& column : curve.columns) {
        cells.push_back(GainText(At(column.gains, epochs)->gain));
      }
    } else {
      cells.push_back(kNotYet);
    }
    cells.resize(names.size());
    text += Row(cells);
  }
  return text;
}

std::string Number(double value) { return absl::StrFormat("%.17g", value); }

}  // namespace

std::string CurvesMarkdown(const v1::TrainingPlan& plan, const std::vector<RowCurves>& curves) {
  std::string text;
  for (const int epochs : plan.epochs()) {
    absl::StrAppend(&text, "## ", epochs, epochs == 1 ? " epoch\n\n" : " epochs\n\n",
                    "Accuracy of linear probes, %; ± is the standard deviation over seeds. Costs "
                    "are of a run's training up to here.\n\n",
                    LevelTable(plan, curves, epochs),
                    "\nGain over the plain method, points, with 95 % bootstrap intervals; bold "
                    "where they leave out 0.\n\n",
                    GainTable(plan, curves, epochs), "\n");
  }
  return text;
}

std::string CurvesCsv(const v1::TrainingPlan& plan, const std::vector<RowCurves>& curves) {
  std::string text =
      CsvLine({"row", "column", "epochs", "seeds", "accuracy", "spread", "gain", "gain_low",
               "gain_high", "cpu_seconds", "wall_seconds", "energy_joules"});
  for (const RowCurves& curve : curves) {
    for (int c = 0; c < plan.columns_size(); ++c) {
      for (const LevelPoint& level : curve.columns[c].levels) {
        const GainPoint* gain = At(curve.columns[c].gains, level.epochs);
        const CostPoint& cost = *At(curve.costs, level.epochs);
        text += CsvLine({curve.row.title(), plan.columns(c), absl::StrCat(level.epochs),
                         absl::StrCat(level.num_seeds), Number(level.accuracy),
                         level.spread ? Number(*level.spread) : "",
                         gain != nullptr ? Number(gain->gain.mean) : "",
                         gain != nullptr ? Number(gain->gain.low) : "",
                         gain != nullptr ? Number(gain->gain.high) : "", Number(cost.cpu_seconds),
                         Number(cost.wall_seconds),
                         cost.energy_joules ? Number(*cost.energy_joules) : ""});
      }
    }
  }
  return text;
}

}  // namespace cassle
