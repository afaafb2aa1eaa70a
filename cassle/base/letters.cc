#include "cassle/base/letters.h"

#include <algorithm>

namespace cassle {
namespace {

// Bytes that go on with a letter are 10xxxxxx.
bool BeginsLetter(char c) { return (c & 0xC0) != 0x80; }

}  // namespace

int CountLetters(absl::string_view text) {
  return static_cast<int>(std::count_if(text.begin(), text.end(), BeginsLetter));
}

size_t LetterAt(absl::string_view text, int place) {
  const auto found = std::find_if(text.begin(), text.end(),
                                  [&](char c) { return BeginsLetter(c) && place-- == 0; });
  return static_cast<size_t>(found - text.begin());
}

}  // namespace cassle
