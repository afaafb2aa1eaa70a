// In which settings results differ: what runs that stand side by side were made with.
#ifndef CASSLE_EVAL_REPORTING_REPORT_SETTINGS_H_
#define CASSLE_EVAL_REPORTING_REPORT_SETTINGS_H_

#include <string>
#include <vector>

#include "cassle/eval/reporting/report_inputs.h"

namespace cassle {

// A setting and its value in each of the results that are compared; "default": it was not set.
struct SettingRow {
  std::string path;
  std::vector<std::string> values;
};

// The first digits of a fingerprint: enough to tell a few apart.
std::string ShownFingerprint(const std::string& fingerprint);

// Rows of settings that are not the same in all of inputs[members], in the order they appear; then
// of trainings what they read ("--views") by the first digits of its fingerprints.
std::vector<SettingRow> DifferingSettings(const std::vector<ReportInput>& inputs,
                                          const std::vector<int>& members);

// A heading and a table, a column per result of the stage; empty if there are fewer than two or
// they do not differ.
std::string SettingsHtml(const std::string& stage, const std::vector<ReportInput>& inputs);

}  // namespace cassle

#endif  // CASSLE_EVAL_REPORTING_REPORT_SETTINGS_H_
