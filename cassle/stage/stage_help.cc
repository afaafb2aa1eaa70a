#include "cassle/stage/stage_help.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"

namespace cassle {
namespace {

// One line without tabs: a field of the completion table.
std::string Field(const std::string& text) {
  return absl::StrReplaceAll(text, {{"\t", " "}, {"\n", " "}});
}

}  // namespace

std::string OptionsText(const std::vector<OptionHelp>& options) {
  std::string text;
  for (const OptionHelp& option : options) {
    absl::StrAppend(&text, "  --", option.name, "=", option.type, "\n");
    if (!option.help.empty()) absl::StrAppend(&text, "      ", option.help, "\n");
    for (const auto& [value, help] : option.values) {
      absl::StrAppend(&text, "      ", value, ": ", help, "\n");
    }
    for (const std::string& line : option.fields) absl::StrAppend(&text, "        ", line, "\n");
    if (!option.range.empty()) absl::StrAppend(&text, "      Range: ", option.range, "\n");
    if (!option.default_value.empty()) {
      absl::StrAppend(&text, "      Default: ", option.default_value, "\n");
    }
  }
  return text;
}

std::string HelpText(const StageHelp& stage) {
  return absl::StrCat(
      stage.name, ": ", stage.summary, "\n\nSettings (also in a --config file, in text format):\n",
      OptionsText(stage.settings), stage.more.empty() ? "" : "\n", stage.more, "\nEvery stage:\n",
      OptionsText(stage.flags), "\nExit codes: ", kExitCodes, "\n");
}

std::string Folded(const std::string& text, int columns) {
  const auto width = static_cast<size_t>(columns);
  std::vector<std::string> rows;
  for (const absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::string indent(std::min(line.find_first_not_of(' '), line.size()), ' ');
    std::string row = indent;
    for (const absl::string_view word : absl::StrSplit(line.substr(indent.size()), ' ')) {
      if (row.size() > indent.size()) {
        if (row.size() + 1 + word.size() <= width) {
          row += ' ';
        } else {
          rows.push_back(std::exchange(row, indent));
        }
      }
      absl::StrAppend(&row, word);
    }
    rows.push_back(std::move(row));
  }
  return absl::StrJoin(rows, "\n");
}

std::string CompletionTable(const StageHelp& stage) {
  std::string table = absl::StrCat(stage.name, "\t", Field(stage.summary), "\n");
  for (const auto* options : {&stage.settings, &stage.flags}) {
    for (const OptionHelp& option : *options) {
      absl::StrAppend(&table, option.name, "\t", option.type, "\t", Field(option.help), "\n");
    }
  }
  return table;
}

}  // namespace cassle
