#include "cassle/eval/reporting/report_settings.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cassle/eval/charts/html_text.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

constexpr char kNotSet[] = "default";

void AddValue(const std::string& path, const std::string& value, size_t column, size_t columns,
              std::vector<SettingRow>* rows) {
  auto row = std::find_if(rows->begin(), rows->end(),
                          [&](const SettingRow& other) { return other.path == path; });
  if (row == rows->end()) {
    row = rows->insert(rows->end(), {path, std::vector<std::string>(columns, kNotSet)});
  }
  row->values[column] = value;
}

bool IsSame(const SettingRow& row) {
  return std::all_of(row.values.begin(), row.values.end(),
                     [&](const std::string& value) { return value == row.values[0]; });
}

}  // namespace

std::string ShownFingerprint(const std::string& fingerprint) { return fingerprint.substr(0, 8); }

std::vector<SettingRow> DifferingSettings(const std::vector<ReportInput>& inputs,
                                          const std::vector<int>& members) {
  std::vector<SettingRow> settings, files;
  for (size_t column = 0; column < members.size(); ++column) {
    const ReportInput& input = inputs[members[column]];
    for (const auto& [path, value] : SettingsOf(input.settings)) {
      AddValue(path, absl::StrReplaceAll(value, {{"\"", ""}}), column, members.size(), &settings);
    }
    // What an evaluation reads differs by what is evaluated: the rows say that.
    if (!input.IsTraining()) continue;
    for (const v1::InputFingerprint& file : input.manifest.inputs()) {
      AddValue(absl::StrCat("--", file.field()), ShownFingerprint(file.fingerprint()), column,
               members.size(), &files);
    }
  }
  settings.insert(settings.end(), files.begin(), files.end());
  settings.erase(std::remove_if(settings.begin(), settings.end(), IsSame), settings.end());
  return settings;
}

std::string SettingsHtml(const std::string& stage, const std::vector<ReportInput>& inputs) {
  std::vector<int> members;
  for (int i = 0; i < static_cast<int>(inputs.size()); ++i) {
    if (inputs[i].stage() == stage) members.push_back(i);
  }
  const std::vector<SettingRow> rows = DifferingSettings(inputs, members);
  if (rows.empty()) return "";
  std::string html =
      "<h3>What differs</h3>\n<div class=\"scroll\"><table class=\"settings long\">\n"
      "<thead><tr><th>setting</th>";
  for (const int i : members) {
    absl::StrAppend(&html, "<th scope=\"col\">", EscapeHtml(RunName(inputs, i)), "</th>");
  }
  absl::StrAppend(&html, "</tr></thead>\n<tbody>");
  for (const SettingRow& row : rows) {
    absl::StrAppend(&html, "<tr><th scope=\"row\">", EscapeHtml(row.path), "</th>");
    for (const std::string& value : row.values) {
      absl::StrAppend(&html, "<td>", EscapeHtml(value), "</td>");
    }
    absl::StrAppend(&html, "</tr>\n");
  }
  return absl::StrCat(html, "</tbody></table></div>\n");
}

}  // namespace cassle
