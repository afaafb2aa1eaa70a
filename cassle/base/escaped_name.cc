#include "cassle/base/escaped_name.h"

#include <utf8proc.h>

#include <cstdint>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cassle {
namespace {

bool IsCapitalHex(char c) { return absl::ascii_isdigit(c) || (c >= 'A' && c <= 'F'); }

// Whether the text begins like an escaped byte.
bool StartsEscaped(absl::string_view text) {
  return text.size() >= 4 && text[0] == '\\' && text[1] == 'x' && IsCapitalHex(text[2]) &&
         IsCapitalHex(text[3]);
}

std::string Escaped(absl::string_view text, bool reversibly) {
  std::string escaped;
  escaped.reserve(text.size());
  while (!text.empty()) {
    utf8proc_int32_t character = 0;
    utf8proc_ssize_t size =
        utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                         static_cast<utf8proc_ssize_t>(text.size()), &character);
    const bool plain = size > 0 && !(size == 1 && absl::ascii_iscntrl(text[0])) &&
                       !(reversibly && StartsEscaped(text));
    if (size < 1) size = 1;
    if (plain) {
      absl::StrAppend(&escaped, text.substr(0, size));
    } else {
      absl::StrAppendFormat(&escaped, "\\x%02X", static_cast<uint8_t>(text[0]));
    }
    text.remove_prefix(size);
  }
  return escaped;
}

}  // namespace

std::string EscapedName(absl::string_view name) { return Escaped(name, /*reversibly=*/true); }

std::string UnescapedName(absl::string_view escaped) {
  std::string name;
  while (!escaped.empty()) {
    if (StartsEscaped(escaped)) {
      absl::StrAppend(&name, absl::HexStringToBytes(escaped.substr(2, 2)));
      escaped.remove_prefix(4);
    } else {
      name.push_back(escaped[0]);
      escaped.remove_prefix(1);
    }
  }
  return name;
}

std::string OneLine(absl::string_view sentence) { return Escaped(sentence, /*reversibly=*/false); }

}  // namespace cassle
