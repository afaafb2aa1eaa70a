// Letters of UTF-8, where lines are measured and cut: code points, of which every one takes a place
// on the screen here.
#ifndef CASSLE_BASE_LETTERS_H_
#define CASSLE_BASE_LETTERS_H_

#include <cstddef>

#include "absl/strings/string_view.h"

namespace cassle {

int CountLetters(absl::string_view text);

// Where letter `place`, from 0, begins, in bytes; the end of the text if it has fewer.
size_t LetterAt(absl::string_view text, int place);

}  // namespace cassle

#endif  // CASSLE_BASE_LETTERS_H_
