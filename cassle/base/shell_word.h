// A path or value as a word of a command line that people copy out of a message.
#ifndef CASSLE_BASE_SHELL_WORD_H_
#define CASSLE_BASE_SHELL_WORD_H_

#include <string>

#include "absl/strings/string_view.h"

namespace cassle {

// The text itself if a POSIX shell takes it as one word, else in single quotes.
std::string ShellWord(absl::string_view text);

}  // namespace cassle

#endif  // CASSLE_BASE_SHELL_WORD_H_
