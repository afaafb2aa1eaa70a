// What may stand where the cursor is: one answer for every shell, whose scripts (completion.bash,
// completion.zsh) only ask and show.
#ifndef CASSLE_FRONT_COMPLETE_H_
#define CASSLE_FRONT_COMPLETE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cassle/front/stage_table.h"

namespace cassle {

struct Candidate {
  // The whole word. One that ends with = or . goes on.
  std::string word;
  // One line; may be empty.
  std::string help;
};

struct Completion {
  // The word before the cursor, without quotes: what candidates replace.
  std::string word;
  std::vector<Candidate> candidates;
  // A file is wanted: the shell completes the word from here on; -1: none.
  int path_from = -1;
};

// Completes a command line up to the cursor, `cassle pretrain --method=mo`:
//   names of stages; flags, of which those of a group are one candidate until the group is typed
//   (--optimizer.); values of enums, of booleans and of messages that one word chooses, in lists
//   after each comma; files where a path is wanted. Where anything may stand: nothing.
Completion Complete(const std::vector<StageEntry>& stages, absl::string_view line);

// For the scripts, lines: "words", the word, then each candidate, a tab and its help; or "files",
// the word, and what of it stands before the path.
std::string CompletionLines(const Completion& completion);

}  // namespace cassle

#endif  // CASSLE_FRONT_COMPLETE_H_
