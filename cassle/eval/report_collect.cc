#include "cassle/eval/report_collect.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/stage_manifest.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"

namespace cassle {
namespace {

using Options = v1::ReportOptions;

// Index of name in names, appended if it is new.
int IndexOf(const std::string& name, std::vector<std::string>* names) {
  const auto found = std::find(names->begin(), names->end(), name);
  const int index = found - names->begin();
  if (found == names->end()) names->push_back(name);
  return index;
}

std::string ColumnName(const ReportInput& input, const v1::LinearProbeTarget& target) {
  if (input.group.empty()) return target.name();
  // "cifar10" says enough when there is nothing else to predict there.
  if (input.result.targets_size() == 1 && target.name() == "label") return input.group;
  return absl::StrCat(input.group, " ", target.name());
}

const v1::EvaluatedSet* SetOf(const v1::LinearProbeResult& result, const std::string& role) {
  for (const v1::EvaluatedSet& set : result.sets()) {
    if (set.role() == role) return &set;
  }
  return nullptr;
}

// What the numbers of one column must have in common.
std::string TestSet(const ReportInput& input, const v1::LinearProbeTarget& target) {
  const v1::EvaluatedSet* set = SetOf(input.result, "test");
  return absl::StrCat(target.num_test(), " images of split '", set == nullptr ? "" : set->split(),
                      "' of data set ", set == nullptr ? "" : set->dataset_fingerprint());
}

v1::ReportSource Source(const ReportInput& input) {
  v1::ReportSource source;
  source.set_row(input.row);
  source.set_group(input.group);
  source.set_encoder(input.result.encoder());
  source.set_weights_fingerprint(input.result.weights_fingerprint());
  source.set_preprocess_fingerprint(input.result.preprocess_fingerprint());
  const v1::EvaluatedSet* train = SetOf(input.result, "train");
  const v1::EvaluatedSet* test = SetOf(input.result, "test");
  if (train != nullptr) source.set_train_dataset_fingerprint(train->dataset_fingerprint());
  if (test != nullptr) source.set_test_dataset_fingerprint(test->dataset_fingerprint());
  source.set_result_fingerprint(input.manifest.fingerprint());
  source.set_options(input.manifest.options());
  return source;
}

// Fills value and spread from the runs.
void Average(bool class_average, v1::ReportCell* cell) {
  const int n = cell->runs_size();
  if (n == 0) return;
  const auto value = [&](const v1::ReportRun& run) {
    return class_average ? run.test_class_avg() : run.test_top1();
  };
  double sum = 0, squares = 0;
  for (const v1::ReportRun& run : cell->runs()) sum += value(run);
  const double mean = sum / n;
  for (const v1::ReportRun& run : cell->runs()) squares += std::pow(value(run) - mean, 2);
  cell->set_value(mean);
  if (n > 1) cell->set_spread(std::sqrt(squares / (n - 1)));
}

void MarkBest(v1::ReportTable* table) {
  for (int c = 0; c < table->columns_size(); ++c) {
    double best = -1;
    for (const v1::ReportRow& row : table->rows()) best = std::max(best, row.cells(c).value());
    for (v1::ReportRow& row : *table->mutable_rows()) {
      v1::ReportCell* cell = row.mutable_cells(c);
      cell->set_best(table->rows_size() > 1 && cell->has_value() && cell->value() == best);
    }
  }
}

absl::StatusOr<std::vector<std::string>> ColumnNames(const Options& options,
                                                     const std::vector<ReportInput>& inputs) {
  std::vector<std::string> there;
  for (const ReportInput& input : inputs) {
    for (const v1::LinearProbeTarget& target : input.result.targets()) {
      IndexOf(ColumnName(input, target), &there);
    }
  }
  for (const std::string& column : options.columns()) {
    if (std::find(there.begin(), there.end(), column) == there.end()) {
      return absl::InvalidArgumentError(absl::StrCat("--columns: no result has '", column,
                                                     "'; there are ", absl::StrJoin(there, ", ")));
    }
  }
  if (options.columns_size() == 0) return there;
  return std::vector<std::string>(options.columns().begin(), options.columns().end());
}

}  // namespace

const v1::LinearProbeTarget& TargetOf(const std::vector<ReportInput>& inputs,
                                      const v1::ReportRun& run) {
  const v1::LinearProbeResult& result = inputs[run.source()].result;
  return *std::find_if(result.targets().begin(), result.targets().end(),
                       [&](const auto& target) { return target.name() == run.target(); });
}

absl::StatusOr<std::vector<ReportInput>> ReadReportInputs(const Options& options) {
  const int n = options.results_size();
  if (n == 0) {
    return absl::InvalidArgumentError("--results is missing: name output folders of linear-probe");
  }
  for (const auto& [flag, size] : {std::pair<const char*, int>{"names", options.names_size()},
                                   {"groups", options.groups_size()}}) {
    if (size != 0 && size != n) {
      return absl::InvalidArgumentError(
          absl::StrCat("--", flag, " has ", size, " entries, --results ", n));
    }
  }
  std::vector<ReportInput> inputs;
  for (int i = 0; i < n; ++i) {
    const std::string& folder = options.results(i);
    CASSLE_RETURN_IF_ERROR(RequireComplete(folder));
    ReportInput input;
    CASSLE_ASSIGN_OR_RETURN(input.manifest, ReadManifest(folder));
    if (input.manifest.stage() != "linear-probe") {
      return absl::FailedPreconditionError(absl::StrCat(folder, " is an output of ",
                                                        input.manifest.stage(),
                                                        "; report reads outputs of linear-probe"));
    }
    const absl::Status read = ReadTextProto(JoinPath(folder, "result.textproto"), &input.result);
    if (!read.ok()) return absl::DataLossError(read.message());
    input.row = options.names_size() > 0 ? options.names(i) : input.result.encoder();
    if (options.groups_size() > 0) input.group = options.groups(i);
    inputs.push_back(std::move(input));
  }
  return inputs;
}

absl::StatusOr<v1::ReportTable> CollectTable(const Options& options,
                                             const std::vector<ReportInput>& inputs) {
  const bool class_average = options.metric() == Options::CLASS_AVG;
  v1::ReportTable table;
  table.set_title(options.title());
  table.set_metric(class_average ? "class_avg" : "top1");
  CASSLE_ASSIGN_OR_RETURN(std::vector<std::string> columns, ColumnNames(options, inputs));
  const size_t num_columns = columns.size();
  for (const std::string& column : columns) table.add_columns()->set_name(column);
  std::vector<std::string> rows;
  // Per column the test set and the row it was first seen in.
  std::map<int, std::pair<std::string, std::string>> test_sets;
  for (int i = 0; i < static_cast<int>(inputs.size()); ++i) {
    const ReportInput& input = inputs[i];
    *table.add_sources() = Source(input);
    const int r = IndexOf(input.row, &rows);
    if (r == table.rows_size()) {
      table.add_rows()->set_name(input.row);
      for (size_t c = 0; c < num_columns; ++c) table.mutable_rows(r)->add_cells();
    }
    for (const v1::LinearProbeTarget& target : input.result.targets()) {
      const auto found = std::find(columns.begin(), columns.end(), ColumnName(input, target));
      if (found == columns.end()) continue;
      const int c = found - columns.begin();
      const std::string test_set = TestSet(input, target);
      const auto [first, inserted] = test_sets.try_emplace(c, test_set, input.row);
      if (!inserted && first->second.first != test_set) {
        return absl::FailedPreconditionError(absl::StrCat(
            "column '", *found, "': rows '", first->second.second, "' and '", input.row,
            "' were tested on different images (", first->second.first, "; ", test_set,
            "): numbers that cannot be compared do not go into one column; name --groups"));
      }
      v1::ReportColumn* column = table.mutable_columns(c);
      column->set_num_test(target.num_test());
      column->set_num_classes(target.classes_size());
      column->set_chance(class_average ? target.chance_class_avg() : target.chance_top1());
      v1::ReportRun* run = table.mutable_rows(r)->mutable_cells(c)->add_runs();
      run->set_source(i);
      run->set_target(target.name());
      run->set_test_top1(target.test_top1());
      run->set_test_class_avg(target.test_class_avg());
      run->set_val_accuracy(target.val_accuracy());
      run->set_best_w(target.best_w());
      *run->mutable_warnings() = target.warnings();
    }
  }
  for (v1::ReportRow& row : *table.mutable_rows()) {
    for (v1::ReportCell& cell : *row.mutable_cells()) Average(class_average, &cell);
  }
  MarkBest(&table);
  return table;
}

}  // namespace cassle
