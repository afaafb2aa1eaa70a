// Text of users and files inside HTML and SVG.
#ifndef CASSLE_EVAL_CHARTS_HTML_TEXT_H_
#define CASSLE_EVAL_CHARTS_HTML_TEXT_H_

#include <string>

namespace cassle {

// Text that is safe between tags and inside quoted attributes.
std::string EscapeHtml(const std::string& text);

// The text if it has at most so many letters; else its beginning and end around "\u2026", since
// names differ at either. letters >= 3.
std::string ShortenedInside(const std::string& text, int letters);

}  // namespace cassle

#endif  // CASSLE_EVAL_CHARTS_HTML_TEXT_H_
