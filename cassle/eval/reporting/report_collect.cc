#include "cassle/eval/reporting/report_collect.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/embeddings/embeddings.h"

namespace cassle {
namespace {

using Options = v1::ReportOptions;

// One number on its way into a table.
struct Entry {
  std::string row;
  // Name and properties of its column.
  v1::ReportColumn column;
  // What the numbers of one column must have in common, in words.
  std::string measured_on;
  v1::ReportRun run;
};

// All numbers of one stage.
struct StageEntries {
  // With its texts only.
  v1::StageTable table;
  std::vector<Entry> entries;
};

const v1::EvaluatedSet* SetOf(const v1::Evaluation& evaluation, const std::string& role) {
  for (const v1::EvaluatedSet& set : evaluation.sets()) {
    if (set.role() == role) return &set;
  }
  return nullptr;
}

std::string Images(const v1::EvaluatedSet& set) {
  return absl::StrCat(set.num_rows(), " images of split '", set.split(), "' of data set ",
                      set.dataset_fingerprint());
}

// The images a score stands for: the test set, or all sets of stages that have none.
std::string MeasuredOn(const v1::Evaluation& evaluation) {
  const v1::EvaluatedSet* test = SetOf(evaluation, "test");
  if (test != nullptr) return Images(*test);
  std::vector<std::string> sets;
  for (const v1::EvaluatedSet& set : evaluation.sets()) sets.push_back(Images(set));
  return absl::StrJoin(sets, ", ");
}

// Of the scores of one name the one that options.metric asks for, or the first.
std::vector<const v1::Score*> ShownScores(const Options& options,
                                          const v1::Evaluation& evaluation) {
  std::vector<const v1::Score*> shown;
  for (const v1::Score& score : evaluation.scores()) {
    const auto known = std::find_if(shown.begin(), shown.end(), [&](const v1::Score* other) {
      return other->name() == score.name();
    });
    if (known == shown.end()) {
      shown.push_back(&score);
    } else if (!options.metric().empty() && score.metric() == options.metric()) {
      *known = &score;
    }
  }
  return shown;
}

std::string ColumnName(const std::string& group, const std::string& score, size_t scores) {
  if (group.empty()) return score;
  // "cifar10" says enough when its label is all that was predicted there.
  if (scores == 1 && score == kLabelTarget) return group;
  return absl::StrCat(group, " ", score);
}

void AddEntries(const Options& options, const ReportInput& input, int source,
                std::vector<Entry>* entries) {
  const std::vector<const v1::Score*> scores = ShownScores(options, input.evaluation);
  for (const v1::Score* score : scores) {
    Entry entry;
    entry.row = input.row;
    entry.measured_on = MeasuredOn(input.evaluation);
    entry.column.set_name(ColumnName(input.group, score->name(), scores.size()));
    entry.column.set_num_test(score->num_test());
    entry.column.set_is_fraction(score->is_fraction());
    entry.column.set_better(score->better());
    entry.column.set_metric(score->metric());
    entry.column.set_metric_title(score->metric_title());
    v1::ReportRun& run = entry.run;
    run.set_source(source);
    run.set_target(score->name());
    run.set_value(score->value());
    run.set_num_test(score->num_test());
    if (score->has_half_width()) run.set_half_width(score->half_width());
    if (score->has_chance()) run.set_chance(score->chance());
    entries->push_back(std::move(entry));
  }
}

// "few-shot" -> "Few shot", for results without a title.
std::string TitleOfStage(const std::string& stage) {
  std::string title = absl::StrReplaceAll(stage, {{"-", " "}, {"_", " "}});
  if (!title.empty()) title[0] = absl::ascii_toupper(title[0]);
  return title;
}

// In the order of --results.
std::vector<StageEntries> EntriesOfStages(const Options& options,
                                          const std::vector<ReportInput>& inputs) {
  std::vector<StageEntries> stages;
  for (int i = 0; i < static_cast<int>(inputs.size()); ++i) {
    const ReportInput& input = inputs[i];
    auto stage = std::find_if(stages.begin(), stages.end(), [&](const StageEntries& other) {
      return other.table.stage() == input.stage();
    });
    if (stage == stages.end()) {
      stage = stages.insert(stages.end(), StageEntries());
      const v1::Evaluation& first = input.evaluation;
      stage->table.set_stage(input.stage());
      stage->table.set_title(first.title().empty() ? TitleOfStage(input.stage()) : first.title());
      stage->table.set_description(first.description());
      stage->table.set_chance_name(first.chance_name());
    }
    AddEntries(options, input, i, &stage->entries);
  }
  return stages;
}

std::vector<std::string> ColumnsOf(const std::vector<Entry>& entries) {
  std::vector<std::string> columns;
  for (const Entry& entry : entries) {
    if (std::find(columns.begin(), columns.end(), entry.column.name()) == columns.end()) {
      columns.push_back(entry.column.name());
    }
  }
  return columns;
}

absl::Status CheckColumns(const Options& options, const std::vector<StageEntries>& stages) {
  if (std::set<std::string>(options.columns().begin(), options.columns().end()).size() !=
      static_cast<size_t>(options.columns_size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("--columns=", absl::StrJoin(options.columns(), ","), " names a column twice"));
  }
  std::vector<std::string> there;
  for (const StageEntries& stage : stages) {
    for (std::string& column : ColumnsOf(stage.entries)) there.push_back(std::move(column));
  }
  for (const std::string& column : options.columns()) {
    if (std::find(there.begin(), there.end(), column) != there.end()) continue;
    return absl::InvalidArgumentError(absl::StrCat("--columns: no result has '", column,
                                                   "'; there are ", absl::StrJoin(there, ", ")));
  }
  return absl::OkStatus();
}

absl::Status CheckMetric(const Options& options, const std::vector<ReportInput>& inputs) {
  if (options.metric().empty()) return absl::OkStatus();
  std::set<std::string> there;
  for (const ReportInput& input : inputs) {
    for (const v1::Score& score : input.evaluation.scores()) {
      if (!score.metric().empty()) there.insert(score.metric());
    }
  }
  if (there.count(options.metric()) > 0) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "--metric=", options.metric(), ": no result has it; there are ", absl::StrJoin(there, ", ")));
}

// Those of options.columns that the table has; all it has if it has none of them.
std::vector<std::string> ChosenColumns(const Options& options, const std::vector<Entry>& entries) {
  const std::vector<std::string> there = ColumnsOf(entries);
  std::vector<std::string> chosen;
  for (const std::string& column : options.columns()) {
    if (std::find(there.begin(), there.end(), column) != there.end()) chosen.push_back(column);
  }
  return chosen.empty() ? there : chosen;
}

// Fills value and spread from the runs.
void Average(v1::ReportCell* cell) {
  const int n = cell->runs_size();
  if (n == 0) return;
  double sum = 0, squares = 0;
  for (const v1::ReportRun& run : cell->runs()) sum += run.value();
  const double mean = sum / n;
  for (const v1::ReportRun& run : cell->runs()) squares += std::pow(run.value() - mean, 2);
  cell->set_value(mean);
  if (n > 1) cell->set_spread(std::sqrt(squares / (n - 1)));
  if (n == 1 && cell->runs(0).has_half_width()) cell->set_half_width(cell->runs(0).half_width());
}

// What the cells of a column have in common: chance, test images, digits.
void DescribeColumn(int c, v1::StageTable* table) {
  v1::ReportColumn* column = table->mutable_columns(c);
  std::set<double> chances;
  size_t with_chance = 0, runs = 0;
  double largest = 0;
  bool whole = true, averaged = false;
  for (const v1::ReportRow& row : table->rows()) {
    averaged = averaged || row.cells(c).runs_size() > 1;
    for (const v1::ReportRun& run : row.cells(c).runs()) {
      ++runs;
      whole = whole && run.value() == std::floor(run.value()) && !run.has_half_width();
      with_chance += run.has_chance();
      if (run.has_chance()) chances.insert(run.chance());
      largest = std::max(largest, std::abs(run.value()));
    }
  }
  if (chances.size() == 1 && with_chance == runs) column->set_chance(*chances.begin());
  // Four figures of the largest number; counts have no decimals, but their averages one.
  const int before_point = largest > 0 ? std::floor(std::log10(largest)) + 1 : 1;
  column->set_decimals(std::clamp(4 - before_point, 0, 6));
  if (whole) column->set_decimals(averaged ? 1 : 0);
  if (column->is_fraction()) column->set_decimals(1);
}

// Averages of equal numbers in another order differ in their last digits.
bool IsSame(double a, double b) {
  return std::abs(a - b) <= 1e-12 * std::max(std::abs(a), std::abs(b));
}

void MarkBest(int c, v1::StageTable* table) {
  const v1::Score::Better better = table->columns(c).better();
  if (better == v1::Score::NEITHER) return;
  const double sign = better == v1::Score::LOWER ? -1 : 1;
  double best = -HUGE_VAL, worst = HUGE_VAL;
  for (const v1::ReportRow& row : table->rows()) {
    if (!row.cells(c).has_value()) continue;
    best = std::max(best, sign * row.cells(c).value());
    worst = std::min(worst, sign * row.cells(c).value());
  }
  if (IsSame(best, worst)) return;
  for (v1::ReportRow& row : *table->mutable_rows()) {
    v1::ReportCell* cell = row.mutable_cells(c);
    cell->set_best(cell->has_value() && IsSame(sign * cell->value(), best));
  }
}

absl::Status CheckSameImages(const Entry& entry, const Entry& first) {
  if (entry.measured_on == first.measured_on) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      "column '", entry.column.name(), "': rows '", first.row, "' and '", entry.row,
      "' were tested on different images (", first.measured_on, "; ", entry.measured_on,
      "): numbers that cannot be compared do not go into one column; name --groups"));
}

absl::Status CheckSameMetric(const Entry& entry, const Entry& first) {
  if (entry.column.metric() == first.column.metric()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("column '", entry.column.name(), "': row '", first.row, "' was judged by ",
                   first.column.metric(), ", row '", entry.row, "' by ", entry.column.metric(),
                   "; name --metric, or measure both by the same"));
}

// An average of a result and itself would look like two measurements that agree.
absl::Status CheckDifferentResults(const v1::ReportCell& cell, const Entry& entry,
                                   const std::vector<ReportInput>& inputs) {
  const auto fingerprint = [&](const v1::ReportRun& run) -> const std::string& {
    return inputs[run.source()].manifest.fingerprint();
  };
  for (const v1::ReportRun& run : cell.runs()) {
    // Trainings that are going on have none yet.
    if (fingerprint(run).empty() || fingerprint(run) != fingerprint(entry.run)) continue;
    return absl::FailedPreconditionError(absl::StrCat(
        "column '", entry.column.name(), "', row '", entry.row, "': results ", run.source() + 1,
        " and ", entry.run.source() + 1, " of --results are the same: name each once"));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::StageTable> MakeTable(const Options& options, const StageEntries& stage,
                                         const std::vector<ReportInput>& inputs) {
  v1::StageTable table = stage.table;
  const std::vector<std::string> columns = ChosenColumns(options, stage.entries);
  for (size_t c = 0; c < columns.size(); ++c) table.add_columns();
  std::vector<std::string> rows;
  std::map<int, const Entry*> first_of_column;
  for (const Entry& entry : stage.entries) {
    const auto row = std::find(rows.begin(), rows.end(), entry.row);
    const int r = row - rows.begin();
    if (row == rows.end()) {
      rows.push_back(entry.row);
      table.add_rows()->set_name(entry.row);
      for (size_t c = 0; c < columns.size(); ++c) table.mutable_rows(r)->add_cells();
    }
    const auto found = std::find(columns.begin(), columns.end(), entry.column.name());
    if (found == columns.end()) continue;
    const int c = found - columns.begin();
    v1::ReportColumn* column = table.mutable_columns(c);
    const auto [first, inserted] = first_of_column.try_emplace(c, &entry);
    if (inserted) *column = entry.column;
    CASSLE_RETURN_IF_ERROR(CheckSameImages(entry, *first->second));
    CASSLE_RETURN_IF_ERROR(CheckSameMetric(entry, *first->second));
    if (column->num_test() != entry.column.num_test()) column->set_num_test(0);
    v1::ReportCell* cell = table.mutable_rows(r)->mutable_cells(c);
    CASSLE_RETURN_IF_ERROR(CheckDifferentResults(*cell, entry, inputs));
    *cell->add_runs() = entry.run;
  }
  for (v1::ReportRow& row : *table.mutable_rows()) {
    for (v1::ReportCell& cell : *row.mutable_cells()) Average(&cell);
  }
  for (int c = 0; c < table.columns_size(); ++c) {
    DescribeColumn(c, &table);
    MarkBest(c, &table);
  }
  return table;
}

v1::ReportSource Source(const ReportInput& input) {
  v1::ReportSource source;
  source.set_stage(input.stage());
  source.set_row(input.row);
  source.set_group(input.group);
  source.set_encoder(input.evaluation.encoder());
  source.set_weights_fingerprint(input.evaluation.weights_fingerprint());
  source.set_preprocess_fingerprint(input.evaluation.preprocess_fingerprint());
  const v1::EvaluatedSet* train = SetOf(input.evaluation, "train");
  const v1::EvaluatedSet* test = SetOf(input.evaluation, "test");
  if (train != nullptr) source.set_train_dataset_fingerprint(train->dataset_fingerprint());
  if (test != nullptr) source.set_test_dataset_fingerprint(test->dataset_fingerprint());
  source.set_result_fingerprint(input.manifest.fingerprint());
  source.set_options(input.manifest.options());
  *source.mutable_sets() = input.evaluation.sets();
  return source;
}

}  // namespace

absl::StatusOr<v1::ReportTable> CollectTable(const Options& options,
                                             const std::vector<ReportInput>& inputs) {
  v1::ReportTable report;
  for (const ReportInput& input : inputs) *report.add_sources() = Source(input);
  const std::vector<StageEntries> stages = EntriesOfStages(options, inputs);
  CASSLE_RETURN_IF_ERROR(CheckMetric(options, inputs));
  CASSLE_RETURN_IF_ERROR(CheckColumns(options, stages));
  for (const StageEntries& stage : stages) {
    CASSLE_ASSIGN_OR_RETURN(*report.add_stages(), MakeTable(options, stage, inputs));
  }
  report.set_title(stages.size() == 1 ? stages[0].table.title() : "Evaluation");
  if (!options.title().empty()) report.set_title(options.title());
  return report;
}

}  // namespace cassle
