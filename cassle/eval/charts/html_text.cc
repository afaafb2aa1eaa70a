#include "cassle/eval/charts/html_text.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "cassle/base/letters.h"

namespace cassle {

std::string EscapeHtml(const std::string& text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string ShortenedInside(const std::string& text, int letters) {
  const int width = CountLetters(text);
  if (width <= letters) return text;
  const int behind = (letters - 1) / 2;
  return absl::StrCat(text.substr(0, LetterAt(text, letters - 1 - behind)), "\u2026",
                      text.substr(LetterAt(text, width - behind)));
}

}  // namespace cassle
