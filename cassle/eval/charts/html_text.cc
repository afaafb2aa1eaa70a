#include "cassle/eval/charts/html_text.h"

#include <algorithm>

#include "absl/strings/str_replace.h"

namespace cassle {
namespace {

bool BeginsLetter(char c) { return (c & 0xC0) != 0x80; }

// Where letter `place` begins; the end if there are fewer.
std::string::const_iterator LetterAt(const std::string& text, int place) {
  return std::find_if(text.begin(), text.end(),
                      [&](char c) { return BeginsLetter(c) && place-- == 0; });
}

}  // namespace

std::string EscapeHtml(const std::string& text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

int TextWidth(const std::string& text) {
  return std::count_if(text.begin(), text.end(), BeginsLetter);
}

std::string ShortenedInside(const std::string& text, int letters) {
  const int width = TextWidth(text);
  if (width <= letters) return text;
  const int behind = (letters - 1) / 2;
  return std::string(text.begin(), LetterAt(text, letters - 1 - behind)) + "\u2026" +
         std::string(LetterAt(text, width - behind), text.end());
}

}  // namespace cassle
