// What a stage says of itself, from one description: --help, --help=man, --help=completion.
#ifndef CASSLE_STAGE_STAGE_HELP_H_
#define CASSLE_STAGE_STAGE_HELP_H_

#include <string>
#include <vector>

#include "cassle/stage/option_help.h"

namespace cassle {

// What the exit codes of a stage mean (ExitCode in stage_main.h).
inline constexpr char kExitCodes[] =
    "0 done, 64 bad usage or config, 65 bad input data, 66 input missing,\n"
    "71 the system refused memory, 73 cannot write, 75 interrupted, or a rank or GPU was lost\n"
    "(run it again to go on), 70 internal error.";

struct StageHelp {
  // "shard-encoder"
  std::string name;
  // One or two sentences.
  std::string summary;
  std::vector<OptionHelp> settings;
  // A paragraph that keeps its lines; may be empty.
  std::string more;
  // What every stage has.
  std::vector<OptionHelp> flags;
};

// To read: a paragraph a line.
std::string HelpText(const StageHelp& stage);

// The text with longer lines than that broken at blanks, and what follows indented as they are. A
// word that is longer stays whole.
std::string Folded(const std::string& text, int columns);

// Of each option a paragraph, as HelpText has it.
std::string OptionsText(const std::vector<OptionHelp>& options);

// For man(1): cassle-NAME(1), in the macros of man(7).
std::string ManPage(const StageHelp& stage);

// For `cassle` (cassle/front/stage_table.h), fields separated by tabs:
//   NAME     SUMMARY
//   OPTION   TYPE      HELP         a line for each: "method", "moco_v2|simclr", "What is trained."
std::string CompletionTable(const StageHelp& stage);

}  // namespace cassle

#endif  // CASSLE_STAGE_STAGE_HELP_H_
