#include "cassle/eval/charts/svg_check.h"

#include <algorithm>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/base/text_file.h"

namespace cassle {
namespace {

constexpr const char* kElements[] = {
    "svg",   "g",    "defs",   "title",    "desc",     "style",          "path",
    "rect",  "line", "circle", "ellipse",  "polyline", "polygon",        "text",
    "tspan", "use",  "symbol", "clippath", "marker",   "lineargradient", "radialgradient",
    "stop",  "mask", "pattern"};

absl::Status Refuse(absl::string_view what) {
  return absl::DataLossError(absl::StrCat("the SVG is refused: ", what));
}

bool IsSpace(char c) { return absl::ascii_isspace(c); }

bool IsOfName(char c) { return absl::ascii_isalnum(c) || absl::StrContains("-_.:", c); }

// A style sheet or a value of an attribute.
absl::Status CheckText(absl::string_view value) {
  std::string text = absl::AsciiStrToLower(value);
  text.erase(std::remove_if(text.begin(), text.end(), IsSpace), text.end());
  // Escapes and character references could spell the words below.
  if (absl::StrContains(text, "\\")) return Refuse("it has escapes in a style or attribute");
  if (absl::StrContains(text, "&#")) {
    return Refuse("it has character references in a style or attribute");
  }
  // image-set() and src() take addresses without url().
  for (const char* word :
       {"javascript:", "data:", "@import", "expression(", "image-set(", "src("}) {
    if (absl::StrContains(text, word)) return Refuse(absl::StrCat("it has '", word, "'"));
  }
  for (size_t at = text.find("url("); at != std::string::npos; at = text.find("url(", at + 1)) {
    const size_t target = text.find_first_not_of("\"'", at + 4);
    if (target == std::string::npos || text[target] != '#') {
      return Refuse("it has url(...) of something outside the file");
    }
  }
  return absl::OkStatus();
}

absl::Status CheckAttribute(absl::string_view name, absl::string_view value) {
  const std::string lower = absl::AsciiStrToLower(name);
  if (absl::StartsWith(lower, "on")) return Refuse(absl::StrCat("it has the attribute ", name));
  if (absl::StartsWith(lower, "xmlns")) return absl::OkStatus();
  if ((lower == "href" || absl::EndsWith(lower, ":href") || lower == "src") &&
      !absl::StartsWith(value, "#")) {
    return Refuse(absl::StrCat("it has a link: ", name));
  }
  return CheckText(value);
}

// Without the prefix of SVG's name space.
absl::string_view PlainName(absl::string_view name) { return absl::StripPrefix(name, "svg:"); }

// The inside of "<...>", without the brackets and a closing slash.
absl::Status CheckTag(absl::string_view tag, std::string* name) {
  size_t at = 0;
  while (at < tag.size() && !IsSpace(tag[at])) ++at;
  *name = absl::AsciiStrToLower(tag.substr(0, at));
  const absl::string_view plain = PlainName(*name);
  if (std::none_of(std::begin(kElements), std::end(kElements),
                   [&](const char* known) { return plain == known; })) {
    return Refuse(
        absl::StrCat("it has the element <", tag.substr(0, std::min<size_t>(at, 40)), ">"));
  }
  while (true) {
    while (at < tag.size() && IsSpace(tag[at])) ++at;
    if (at == tag.size()) return absl::OkStatus();
    const size_t equals = tag.find('=', at);
    if (equals == absl::string_view::npos) return Refuse("it has an attribute without a value");
    const absl::string_view attribute = absl::StripAsciiWhitespace(tag.substr(at, equals - at));
    // What XML refuses HTML takes for several attributes: "a/onload", "a onload".
    if (!std::all_of(attribute.begin(), attribute.end(), IsOfName)) {
      return Refuse("it has an attribute without a value");
    }
    size_t open = equals + 1;
    while (open < tag.size() && IsSpace(tag[open])) ++open;
    if (open == tag.size() || (tag[open] != '"' && tag[open] != '\'')) {
      return Refuse("it has an attribute without quotes");
    }
    const size_t close = tag.find(tag[open], open + 1);
    if (close == absl::string_view::npos) return Refuse("a quote is not closed");
    const absl::Status status = CheckAttribute(attribute, tag.substr(open + 1, close - open - 1));
    if (!status.ok()) return status;
    at = close + 1;
  }
}

// Where the tag that begins at `start` ends: the next '>' that is in no quotes.
size_t TagEnd(absl::string_view svg, size_t start) {
  char quote = 0;
  for (size_t i = start; i < svg.size(); ++i) {
    if (quote != 0) {
      if (svg[i] == quote) quote = 0;
    } else if (svg[i] == '"' || svg[i] == '\'') {
      quote = svg[i];
    } else if (svg[i] == '>') {
      return i;
    }
  }
  return absl::string_view::npos;
}

}  // namespace

absl::Status CheckSvg(absl::string_view svg) {
  if (!IsUtf8(svg)) return Refuse("it is no UTF-8");
  bool first = true, in_style = false;
  // Browsers put the pieces between comments together.
  std::string style;
  size_t at = 0;
  while (true) {
    const size_t open = svg.find('<', at);
    if (in_style) absl::StrAppend(&style, svg.substr(at, open - at));
    if (open == absl::string_view::npos) break;
    at = open;
    const absl::string_view rest = svg.substr(at);
    if (absl::StartsWith(rest, "<!--")) {
      const size_t end = rest.find("-->");
      if (end == absl::string_view::npos) return Refuse("a comment is not closed");
      at += end + 3;
      continue;
    }
    if (absl::StartsWith(rest, "<!")) return Refuse("it has a <!DOCTYPE>, entity or CDATA part");
    const size_t end = TagEnd(svg, at);
    if (end == absl::string_view::npos) return Refuse("a tag is not closed");
    absl::string_view tag = svg.substr(at + 1, end - at - 1);
    at = end + 1;
    if (absl::StartsWith(tag, "?")) {
      if (!first || !absl::StartsWith(tag, "?xml ")) return Refuse("it has <?...?> instructions");
      continue;
    }
    if (absl::ConsumePrefix(&tag, "/")) {
      if (in_style &&
          PlainName(absl::AsciiStrToLower(absl::StripAsciiWhitespace(tag))) != "style") {
        return Refuse("it has elements in a style");
      }
      in_style = false;
      continue;
    }
    if (in_style) return Refuse("it has elements in a style");
    const bool empty = absl::ConsumeSuffix(&tag, "/");
    std::string name;
    const absl::Status status = CheckTag(tag, &name);
    if (!status.ok()) return status;
    if (first && name != "svg") return Refuse("it does not begin with <svg>");
    first = false;
    in_style = !empty && PlainName(name) == "style";
    // What stands in one of them ends there.
    if (in_style) absl::StrAppend(&style, "\n;");
  }
  if (first) return Refuse("it has no <svg> element");
  return CheckText(style);
}

}  // namespace cassle
