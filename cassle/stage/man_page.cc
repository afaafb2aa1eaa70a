// The man page of a stage. Lines that begin with a dot are macros of man(7).
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "cassle/stage/roff.h"
#include "cassle/stage/stage_help.h"

namespace cassle {
namespace {

// Between the values of a choice, which are longer than a line when there are many.
constexpr char kMayBreak[] = "|\\:";

std::string Options(const std::vector<OptionHelp>& options) {
  std::string text;
  for (const OptionHelp& option : options) {
    absl::StrAppend(&text, ".TP\n\\fB\\-\\-", Roff(option.name), "\\fR=\\fI",
                    absl::StrReplaceAll(Roff(option.type), {{"|", kMayBreak}}), "\\fR\n");
    // A paragraph of its own for each line, but below the same name.
    std::string separator;
    const auto add = [&](const std::string& line) {
      absl::StrAppend(&text, separator, Roff(line), "\n");
      separator = ".br\n";
    };
    if (!option.help.empty()) add(option.help);
    for (const auto& [value, help] : option.values) add(absl::StrCat(value, ": ", help));
    if (!option.fields.empty()) absl::StrAppend(&text, RoffLines(option.fields));
    if (!option.range.empty()) add(absl::StrCat("Range: ", option.range));
    if (!option.default_value.empty()) add(absl::StrCat("Default: ", option.default_value));
    if (separator.empty() && option.fields.empty()) absl::StrAppend(&text, "\\&\n");
  }
  return text;
}

}  // namespace

std::string ManPage(const StageHelp& stage) {
  std::string text = RoffTitle(absl::StrCat("cassle-", stage.name));
  absl::StrAppend(&text, ".SH NAME\ncassle\\-", Roff(stage.name), " \\- ", Roff(stage.summary),
                  "\n");
  absl::StrAppend(&text, ".SH SYNOPSIS\n\\fBcassle ", Roff(stage.name),
                  "\\fR [\\fB\\-\\-\\fISETTING\\fR=\\fIVALUE\\fR ...]\n");
  absl::StrAppend(&text,
                  ".ad l\n.SH SETTINGS\nAlso in a \\fB\\-\\-config\\fR file, in text format.\n",
                  Options(stage.settings));
  if (!stage.more.empty()) {
    std::vector<std::string> lines = absl::StrSplit(stage.more, '\n');
    while (lines.back().empty()) lines.pop_back();
    absl::StrAppend(&text, ".SH NOTES\n", RoffLines(lines));
  }
  absl::StrAppend(&text, ".SH FLAGS OF EVERY STAGE\n", Options(stage.flags));
  absl::StrAppend(&text, ".SH EXIT STATUS\n", Roff(kExitCodes), "\n");
  absl::StrAppend(&text, ".SH SEE ALSO\n\\fBcassle\\fR(1)\n");
  return text;
}

}  // namespace cassle
