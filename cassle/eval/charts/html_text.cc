#include "cassle/eval/charts/html_text.h"

#include <algorithm>

#include "absl/strings/str_replace.h"

namespace cassle {
namespace {

bool BeginsLetter(char c) { return (c & 0xC0) != 0x80; }

}  // namespace

std::string EscapeHtml(const std::string& text) {
  return absl::StrReplaceAll(
      text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

int TextWidth(const std::string& text) {
  return std::count_if(text.begin(), text.end(), BeginsLetter);
}

std::string Shortened(const std::string& text, int letters) {
  if (TextWidth(text) <= letters) return text;
  auto end = text.begin();
  for (int begun = 0; end != text.end(); ++end) {
    if (BeginsLetter(*end) && ++begun == letters) break;
  }
  return std::string(text.begin(), end) + ".";
}

}  // namespace cassle
