#include "cassle/eval/curves/curves_text.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/csv.h"
#include "cassle/eval/result/text_table.h"

namespace cassle {
namespace {

constexpr char kNotYet[] = "not yet computed";
constexpr char kNotTold[] = "not told";

// The point after so many epochs; null: not known.
template <class Point>
const Point* At(const std::vector<Point>& points, int epochs) {
  for (const Point& point : points) {
    if (point.epochs == epochs) return &point;
  }
  return nullptr;
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
v1::TextCell GainCell(const DifferenceInterval& gain) {
  v1::TextCell cell;
  cell.set_text(
      absl::StrCat(Points(gain.mean), " (", Points(gain.low), " to ", Points(gain.high), ")"));
  cell.set_strong(gain.low > 0 || gain.high < 0);
  return cell;
}

std::string CostText(const v1::TrainingPlan& plan, const CostPoint& cost) {
  const std::optional<double>& seconds = plan.gpu() ? cost.wall_seconds : cost.cpu_seconds;
  if (!seconds) return kNotTold;
  return plan.gpu() ? absl::StrFormat("%.1f", *seconds / 60)
                    : absl::StrFormat("%.2f", *seconds / 3600);
}

std::string EnergyText(const CostPoint& cost) {
  return cost.energy_joules ? absl::StrFormat("%.1f", *cost.energy_joules / 3600) : kNotTold;
}

v1::TextTable NewTable(const v1::TrainingPlan& plan, int epochs, const std::string& what,
                       const std::string& note) {
  v1::TextTable table;
  table.set_title(absl::StrCat("After ", epochs, epochs == 1 ? " epoch: " : " epochs: ", what));
  table.set_note(note);
  for (const char* name : {"encoder", "seeds"}) table.add_columns(name);
  for (const std::string& column : plan.columns()) table.add_columns(column);
  return table;
}

// A row with its name, and "not yet computed" until more is added.
v1::TextRow* AddRow(const std::string& name, v1::TextTable* table) {
  v1::TextRow* row = table->add_rows();
  row->add_cells()->set_text(name);
  for (int i = 1; i < table->columns_size(); ++i) row->add_cells();
  row->mutable_cells(1)->set_text(kNotYet);
  return row;
}

v1::TextTable LevelTable(const v1::TrainingPlan& plan, const std::vector<RowCurves>& curves,
                         int epochs) {
  v1::TextTable table = NewTable(plan, epochs, "accuracy",
                                 "Of linear probes, %, the mean over the seeds there are; ± is the "
                                 "standard deviation over them. Costs are of a run's training up "
                                 "to here, as measured: what else the machine did is in them.");
  table.add_columns(plan.gpu() ? "minutes of a GPU" : "CPU hours");
  table.add_columns("energy, Wh");
  for (const RowCurves& curve : curves) {
    v1::TextRow* row = AddRow(curve.row.title(), &table);
    const CostPoint* cost = At(curve.costs, epochs);
    if (cost == nullptr) continue;
    int at = 1;
    row->mutable_cells(at++)->set_text(absl::StrCat(cost->num_seeds));
    for (const Curve& column : curve.columns) {
      row->mutable_cells(at++)->set_text(LevelText(*At(column.levels, epochs)));
    }
    row->mutable_cells(at++)->set_text(CostText(plan, *cost));
    row->mutable_cells(at++)->set_text(EnergyText(*cost));
  }
  return table;
}

v1::TextTable GainTable(const v1::TrainingPlan& plan, const std::vector<RowCurves>& curves,
                        int epochs) {
  v1::TextTable table = NewTable(
      plan, epochs, "gain",
      "Over the baseline, points, the mean over the seeds that both have, so it may differ from "
      "the difference of two accuracies above; in brackets the 95 % bootstrap interval, bold where "
      "it leaves out 0. Of one seed it is that of the test images alone, and the intervals are not "
      "corrected for being many.");
  for (const RowCurves& curve : curves) {
    if (curve.row.baseline().empty()) continue;
    v1::TextRow* row = AddRow(curve.row.title(), &table);
    const GainPoint* first = At(curve.columns[0].gains, epochs);
    if (first == nullptr) continue;
    int at = 1;
    row->mutable_cells(at++)->set_text(absl::StrCat(first->num_seeds));
    for (const Curve& column : curve.columns) {
      *row->mutable_cells(at++) = GainCell(At(column.gains, epochs)->gain);
    }
  }
  return table;
}

std::string Number(double value) { return absl::StrFormat("%.17g", value); }

std::string NumberIfTold(const std::optional<double>& value) { return value ? Number(*value) : ""; }

}  // namespace

std::vector<v1::TextTable> CurveTables(const v1::TrainingPlan& plan,
                                       const std::vector<RowCurves>& curves) {
  std::vector<v1::TextTable> tables;
  for (const int epochs : plan.epochs()) {
    tables.push_back(LevelTable(plan, curves, epochs));
    tables.push_back(GainTable(plan, curves, epochs));
  }
  return tables;
}

std::string CurvesMarkdown(const std::vector<v1::TextTable>& tables) {
  std::string text;
  for (const v1::TextTable& table : tables) {
    absl::StrAppend(&text, text.empty() ? "" : "\n", "## ", table.title(), "\n\n", table.note(),
                    "\n\n", MarkdownTable(table));
  }
  return text;
}

std::string CurvesCsv(const v1::TrainingPlan& plan, const std::vector<RowCurves>& curves) {
  std::string text = CsvLine({"key", "row", "baseline", "column", "epochs", "seeds", "accuracy",
                              "spread", "gain", "gain_low", "gain_high", "gain_seeds",
                              "cpu_seconds", "wall_seconds", "energy_joules"});
  for (const RowCurves& curve : curves) {
    for (int c = 0; c < plan.columns_size(); ++c) {
      for (const LevelPoint& level : curve.columns[c].levels) {
        const GainPoint* gain = At(curve.columns[c].gains, level.epochs);
        const CostPoint& cost = *At(curve.costs, level.epochs);
        text += CsvLine(
            {curve.row.key(), curve.row.title(), curve.row.baseline(), plan.columns(c),
             absl::StrCat(level.epochs), absl::StrCat(level.num_seeds), Number(level.accuracy),
             NumberIfTold(level.spread), gain != nullptr ? Number(gain->gain.mean) : "",
             gain != nullptr ? Number(gain->gain.low) : "",
             gain != nullptr ? Number(gain->gain.high) : "",
             gain != nullptr ? absl::StrCat(gain->num_seeds) : "", NumberIfTold(cost.cpu_seconds),
             NumberIfTold(cost.wall_seconds), NumberIfTold(cost.energy_joules)});
      }
    }
  }
  return text;
}

}  // namespace cassle
