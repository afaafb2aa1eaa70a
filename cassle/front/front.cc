#include "cassle/front/front.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"
#include "cassle/base/build_facts.h"
#include "cassle/base/file.h"
#include "cassle/base/text_proto.h"
#include "cassle/front/complete.h"
#include "cassle/stage/roff.h"

namespace cassle {
namespace {

constexpr char kUsage[] =
    "cassle STAGE --FLAG=VALUE ...    runs a stage\n"
    "cassle STAGE --help              what it takes; also: cassle help STAGE, man cassle-STAGE\n"
    "cassle --version                 of the whole; of a stage: cassle STAGE --version\n";

// "NAME  text" with the text in lines of at most 100 columns, all of them indented as far.
std::string Entry(const std::string& name, const std::string& text) {
  constexpr int kIndent = 24;
  constexpr size_t kColumns = 100;
  std::string entry;
  std::string line = absl::StrFormat("  %-*s", kIndent - 3, name);
  for (absl::string_view word : absl::StrSplit(text, ' ')) {
    if (line.size() + 1 + word.size() > kColumns) {
      absl::StrAppend(&entry, line, "\n");
      line = std::string(kIndent - 1, ' ');
    }
    absl::StrAppend(&line, " ", word);
  }
  return absl::StrCat(entry, line, "\n");
}

absl::StatusOr<FrontCommand> Start(const std::vector<StageEntry>& stages, const std::string& folder,
                                   const std::string& name,
                                   const std::vector<std::string>& arguments) {
  const StageEntry* stage = FindStage(stages, name);
  if (stage == nullptr) {
    const std::string nearest = NearestWord(name, StageNames(stages));
    return absl::InvalidArgumentError(
        absl::StrCat("there is no stage ", name,
                     nearest.empty() ? "; cassle alone lists them"
                                     : absl::StrCat("; did you mean ", nearest, "?")));
  }
  FrontCommand command;
  command.arguments = {name};
  command.arguments.insert(command.arguments.end(), arguments.begin(), arguments.end());
  for (const std::string& place : {stage->name, stage->program}) {
    command.program = JoinPath(folder, place);
    if (FileExists(command.program) && !IsDirectory(command.program)) return command;
  }
  return absl::NotFoundError(absl::StrCat("the program ", name, " is missing in ", folder,
                                          ": unpack the bundle again, or build //cassle"));
}

}  // namespace

std::string FrontHelp(const std::vector<StageEntry>& stages) {
  std::string text = absl::StrCat(kUsage, "\nStages:\n");
  for (const StageEntry& stage : stages) absl::StrAppend(&text, Entry(stage.name, stage.summary));
  return text;
}

std::string FrontManPage(const std::vector<StageEntry>& stages) {
  std::string text = absl::StrCat(
      RoffTitle("cassle"),
      ".SH NAME\ncassle \\- self\\-supervised image encoders, stage by stage\n", ".SH SYNOPSIS\n",
      RoffLines(absl::StrSplit(kUsage, '\n', absl::SkipEmpty())), ".SH STAGES\n");
  for (const StageEntry& stage : stages) {
    absl::StrAppend(&text, ".TP\n\\fBcassle\\-", Roff(stage.name), "\\fR(1)\n", Roff(stage.summary),
                    "\n");
  }
  return absl::StrCat(text,
                      ".SH EXIT STATUS\nThat of the stage; 64 if there is none of this name, ",
                      "66 if its program is missing.\n");
}

absl::StatusOr<FrontCommand> ReadFrontCommand(const std::vector<StageEntry>& stages,
                                              const std::string& folder,
                                              const std::vector<std::string>& arguments) {
  const std::string first = arguments.empty() ? "help" : arguments[0];
  const std::string second = arguments.size() < 2 ? "" : arguments[1];
  const bool help = first == "help" || first == "--help" || first == "-h";
  if (const size_t taken = help ? 2 : 1;
      arguments.size() > taken && (help || first == "--version" || first == "--help=man")) {
    return absl::InvalidArgumentError(absl::StrCat("unexpected argument ", arguments[taken],
                                                   ": cassle ", first, " takes ",
                                                   help ? "one stage" : "none"));
  }
  if (first == "--complete") return FrontCommand{CompletionLines(Complete(stages, second)), "", {}};
  if (first == "--version") return FrontCommand{BuildFacts("cassle", folder), "", {}};
  if (first == "--help=man") return FrontCommand{FrontManPage(stages), "", {}};
  if (help) {
    if (second.empty()) return FrontCommand{FrontHelp(stages), "", {}};
    return Start(stages, folder, second, {"--help"});
  }
  return Start(stages, folder, first, {arguments.begin() + 1, arguments.end()});
}

}  // namespace cassle
