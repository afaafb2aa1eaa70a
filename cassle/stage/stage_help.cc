#include "cassle/stage/stage_help.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

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
