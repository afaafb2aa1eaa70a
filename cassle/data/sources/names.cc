#include "cassle/data/sources/names.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <unordered_map>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace cassle {
namespace {

const utf8proc_uint8_t* Bytes(absl::string_view text) {
  return reinterpret_cast<const utf8proc_uint8_t*>(text.data());
}

std::string Mapped(absl::string_view name, int options) {
  if (std::all_of(name.begin(), name.end(), absl::ascii_isascii)) {
    return (options & UTF8PROC_CASEFOLD) != 0 ? absl::AsciiStrToLower(name) : std::string(name);
  }
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(Bytes(name), static_cast<utf8proc_ssize_t>(name.size()), &mapped,
                   static_cast<utf8proc_option_t>(options));
  if (size < 0) return std::string(name);
  std::string result(reinterpret_cast<char*>(mapped), static_cast<size_t>(size));
  std::free(mapped);
  return result;
}

constexpr int kComposed = UTF8PROC_STABLE | UTF8PROC_COMPOSE;

// What readers see: in small letters, without characters that have no shape, all blanks and all
// dashes alike, without blanks at the ends and with one where there are several.
std::string Seen(absl::string_view name) {
  std::string seen = Mapped(name, kComposed | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE | UTF8PROC_LUMP);
  absl::RemoveExtraAsciiWhitespace(&seen);
  return seen;
}

// The name with what cannot be seen in it spelt out: "cat<U+00A0>".
std::string WithBlanksSpeltOut(absl::string_view name) {
  std::string spelt;
  while (!name.empty()) {
    utf8proc_int32_t point = 0;
    const utf8proc_ssize_t size =
        utf8proc_iterate(Bytes(name), static_cast<utf8proc_ssize_t>(name.size()), &point);
    if (size <= 0) return absl::StrCat(spelt, name);
    const utf8proc_category_t category = utf8proc_category(point);
    if (point >= 0x80 && (category == UTF8PROC_CATEGORY_ZS || category == UTF8PROC_CATEGORY_CF)) {
      absl::StrAppend(&spelt, "<U+",
                      absl::AsciiStrToUpper(absl::StrCat(absl::Hex(point, absl::kZeroPad4))), ">");
    } else {
      absl::StrAppend(&spelt, name.substr(0, static_cast<size_t>(size)));
    }
    name.remove_prefix(static_cast<size_t>(size));
  }
  return spelt;
}

// Two of the names that are the same after a mapping, in the order of the names.
struct Pair {
  std::string first, second;
};
template <class Mapping>
std::vector<Pair> SameUnder(Mapping mapping, const std::vector<std::string>& names) {
  std::vector<Pair> pairs;
  std::unordered_map<std::string, std::string> seen;
  for (const std::string& name : names) {
    const auto [other, added] = seen.emplace(mapping(name), name);
    if (!added && other->second != name) pairs.push_back({other->second, name});
  }
  return pairs;
}

}  // namespace

std::string NormalForm(absl::string_view name) { return Mapped(name, kComposed); }

std::string DecomposedForm(absl::string_view name) {
  return Mapped(name, UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
}

bool NaturalLess(const std::string& a, const std::string& b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (!absl::ascii_isdigit(a[i]) || !absl::ascii_isdigit(b[j])) {
      if (a[i] != b[j]) return static_cast<uint8_t>(a[i]) < static_cast<uint8_t>(b[j]);
      ++i;
      ++j;
      continue;
    }
    // Two numbers of any length: without zeros in front, the longer one is larger.
    const auto number = [](const std::string& text, size_t* at) {
      while (*at < text.size() && text[*at] == '0') ++*at;
      const size_t from = *at;
      while (*at < text.size() && absl::ascii_isdigit(text[*at])) ++*at;
      return absl::string_view(text).substr(from, *at - from);
    };
    const absl::string_view first = number(a, &i), second = number(b, &j);
    if (first.size() != second.size()) return first.size() < second.size();
    if (first != second) return first < second;
  }
  if ((i < a.size()) != (j < b.size())) return j < b.size();
  return a < b;
}

absl::Status CheckClassNames(const std::vector<std::string>& names, Tally* tally) {
  const std::vector<Pair> same = SameUnder(NormalForm, names);
  if (!same.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("the classes '", same[0].first, "' and '", same[0].second,
                     "' have one name in two forms of Unicode (NFC, NFD): give it one form"));
  }
  const auto folded = [](absl::string_view name) {
    return Mapped(name, kComposed | UTF8PROC_CASEFOLD);
  };
  for (const auto& [first, second] : SameUnder(Seen, names)) {
    if (folded(first) == folded(second)) {
      tally->Count("classes whose name differs from another's in case alone",
                   absl::StrCat(first, " and ", second));
    } else {
      tally->Count(
          "classes whose name differs from another's in blanks, dashes or invisible "
          "characters alone",
          absl::StrCat("'", WithBlanksSpeltOut(first), "' and '", WithBlanksSpeltOut(second), "'"));
    }
  }
  return absl::OkStatus();
}

}  // namespace cassle
