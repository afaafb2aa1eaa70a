#include "cassle/stage/result_table.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cassle/base/letters.h"

namespace cassle {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostLines = 20;

// A row of cells, indented.
struct Line {
  std::vector<std::string> cells;
};

bool IsForMachines(const std::string& name) { return absl::EndsWith(name, "fingerprint"); }

// Whether protobuf prints this for a field that nobody set.
bool IsUnset(const Json& value) {
  return value.is_null() || (value.is_string() && value.get<std::string>().empty()) ||
         (value.is_boolean() && !value.get<bool>());
}

std::string Text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_float()) return absl::StrFormat("%.4g", value.get<double>());
  return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string CellText(const Json& row, const std::string& name) {
  const auto cell = row.find(name);
  if (cell == row.end() || IsUnset(*cell)) return "";
  static const auto* const in_per_cent = new std::set<std::string>{"value", "half_width", "chance"};
  if (cell->is_number() && row.value("is_fraction", false) && in_per_cent->count(name) > 0) {
    return absl::StrFormat("%.2f %%", 100 * cell->get<double>());
  }
  return Text(*cell);
}

std::string Aligned(const std::vector<Line>& lines, const std::string& indent) {
  std::vector<size_t> widths;
  for (const Line& line : lines) {
    widths.resize(std::max(widths.size(), line.cells.size()));
    for (size_t i = 0; i < line.cells.size(); ++i) {
      widths[i] = std::max<size_t>(widths[i], CountLetters(line.cells[i]));
    }
  }
  std::string text;
  for (const Line& line : lines) {
    std::string row = indent;
    for (size_t i = 0; i < line.cells.size(); ++i) {
      row += line.cells[i];
      if (i + 1 < line.cells.size()) row.append(widths[i] - CountLetters(line.cells[i]) + 2, ' ');
    }
    row.erase(row.find_last_not_of(' ') + 1);
    absl::StrAppend(&text, row, "\n");
  }
  return text;
}

bool IsFlat(const Json& rows) {
  for (const Json& row : rows) {
    if (!row.is_object()) return false;
    for (const Json& cell : row) {
      if (cell.is_structured()) return false;
    }
  }
  return true;
}

// The fields that tell lines apart, and numbers.
std::vector<std::string> Columns(const Json& rows) {
  std::vector<std::string> names;
  for (const Json& row : rows) {
    for (const auto& [name, value] : row.items()) {
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  std::vector<std::string> columns;
  for (const std::string& name : names) {
    std::set<std::string> texts;
    bool words = true;
    for (const Json& row : rows) {
      texts.insert(CellText(row, name));
      double number = 0;
      const auto cell = row.find(name);
      words = words &&
              !(cell != row.end() && (cell->is_number() || absl::SimpleAtod(Text(*cell), &number)));
    }
    if (IsForMachines(name) || name == "is_fraction") continue;
    if (!columns.empty() && words && texts.size() == 1) continue;
    columns.push_back(name);
  }
  return columns;
}

std::string ListTable(const std::string& name, const Json& rows) {
  const std::vector<std::string> columns = Columns(rows);
  std::vector<Line> lines = {{columns}};
  for (size_t i = 0; i < rows.size() && i < kMostLines; ++i) {
    Line line;
    for (const std::string& column : columns) line.cells.push_back(CellText(rows[i], column));
    lines.push_back(std::move(line));
  }
  std::string text = absl::StrCat(name, "\n", Aligned(lines, "  "));
  if (rows.size() > kMostLines) {
    absl::StrAppend(&text, "  ... and ", rows.size() - kMostLines, " more\n");
  }
  return text;
}

// Scalars become lines of two cells, lists tables of their own, messages inside what they hold.
void Describe(const std::string& prefix, const Json& message, std::vector<Line>* lines,
              std::string* tables) {
  for (const auto& [name, value] : message.items()) {
    if (IsForMachines(name) || IsUnset(value) || (value.is_structured() && value.empty())) continue;
    const std::string path = absl::StrCat(prefix, name);
    if (value.is_object()) {
      Describe(path + ".", value, lines, tables);
    } else if (!value.is_array()) {
      lines->push_back({{path, Text(value)}});
    } else if (!value[0].is_structured()) {
      std::vector<std::string> texts;
      for (size_t i = 0; i < value.size() && i < kMostLines; ++i) texts.push_back(Text(value[i]));
      if (value.size() > kMostLines) texts.push_back("...");
      lines->push_back({{path, absl::StrJoin(texts, ", ")}});
    } else if (IsFlat(value)) {
      absl::StrAppend(tables, ListTable(path, value));
    }
  }
}

}  // namespace

std::string OutcomeTable(const StageOutcome& outcome) {
  const v1::StageManifest& manifest = outcome.manifest;
  std::string text =
      absl::StrCat(manifest.stage(), ": ", outcome.up_to_date ? "up to date" : "done",
                   outcome.output.empty() ? "" : ", ", outcome.output, "\n");
  std::vector<Line> lines;
  for (const v1::Count& count : manifest.counts()) {
    lines.push_back({{count.name(), absl::StrCat(count.value())}});
  }
  std::string tables;
  const Json result = Json::parse(manifest.result_json(), nullptr, /*allow_exceptions=*/false);
  if (result.is_object()) Describe("", result, &lines, &tables);
  // What was counted is often said by the result too.
  std::vector<Line> once;
  for (Line& line : lines) {
    const bool said = std::any_of(once.begin(), once.end(),
                                  [&](const Line& earlier) { return earlier.cells == line.cells; });
    // The first line names the stage.
    if (!said && line.cells[0] != "stage" && line.cells[0] != "warnings") {
      once.push_back(std::move(line));
    }
  }
  absl::StrAppend(&text, Aligned(once, ""), tables);
  for (const std::string& note : manifest.notes()) absl::StrAppend(&text, "note: ", note, "\n");
  return text;
}

}  // namespace cassle
