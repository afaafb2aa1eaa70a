#include "cassle/base/text_file.h"

#include <algorithm>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr char kByteOrderMark[] = "\xef\xbb\xbf";

// Length of the character that `text` (not empty) begins with; 0 if it is none.
size_t Utf8Length(absl::string_view text) {
  const auto byte = [&](size_t i) {
    return i < text.size() ? static_cast<uint8_t>(text[i]) : uint8_t{0};
  };
  const uint8_t first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  // Bounds of the second byte: what is outside is overlong, a surrogate or above U+10FFFF.
  const uint8_t low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const uint8_t high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (first < 0xc2 || first > 0xf4 || byte(1) < low || byte(1) > high) return 0;
  for (size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  }
  return length;
}

// Position of the first byte that is no UTF-8; npos if there is none.
size_t FindForeignByte(absl::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    const size_t length = Utf8Length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return absl::string_view::npos;
}

void AppendUtf8(uint32_t code, std::string* text) {
  if (code < 0x80) {
    text->push_back(static_cast<char>(code));
    return;
  }
  const int more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
  static constexpr uint8_t kFirst[] = {0, 0xc0, 0xe0, 0xf0};
  text->push_back(static_cast<char>(kFirst[more] | code >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) {
    text->push_back(static_cast<char>(0x80 | (code >> (6 * i) & 0x3f)));
  }
}

absl::StatusOr<std::string> FromUtf16(absl::string_view bytes, bool big_endian,
                                      const std::string& path) {
  const auto damaged = [&](const char* why) {
    return absl::DataLossError(
        absl::StrCat(path, ": not sound UTF-16 (", why, "): save it as UTF-8"));
  };
  if (bytes.size() % 2 != 0) return damaged("an odd number of bytes");
  const auto unit = [&](size_t i) -> uint32_t {
    const uint32_t a = static_cast<uint8_t>(bytes[i]), b = static_cast<uint8_t>(bytes[i + 1]);
    return big_endian ? a << 8 | b : b << 8 | a;
  };
  std::string text;
  text.reserve(bytes.size());
  for (size_t i = 0; i < bytes.size(); i += 2) {
    uint32_t code = unit(i);
    if (code == 0) return damaged("a zero character");
    if (code >= 0xd800 && code < 0xe000) {
      const uint32_t low = i + 2 < bytes.size() ? unit(i + 2) : 0;
      if (code >= 0xdc00 || low < 0xdc00 || low >= 0xe000) return damaged("half a character");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
      i += 2;
    }
    AppendUtf8(code, &text);
  }
  return text;
}

// Is every second byte of the beginning zero, from `first` on, and no other? ASCII in UTF-16 is so.
bool HasZeroEverySecond(absl::string_view bytes, size_t first) {
  if (bytes.size() < 4) return false;
  for (size_t i = 0; i < std::min<size_t>(bytes.size(), 16); ++i) {
    if ((bytes[i] == '\0') != (i % 2 == first)) return false;
  }
  return true;
}

}  // namespace

bool IsUtf8(absl::string_view text) { return FindForeignByte(text) == absl::string_view::npos; }

absl::string_view StripBlanks(absl::string_view text) {
  // U+00A0, U+2007, U+202F, U+3000; U+200B, U+200E, U+200F, U+2060.
  static constexpr const char* kBlanks[] = {"\xc2\xa0",     "\xe2\x80\x87", "\xe2\x80\xaf",
                                            "\xe3\x80\x80", "\xe2\x80\x8b", "\xe2\x80\x8e",
                                            "\xe2\x80\x8f", "\xe2\x81\xa0", kByteOrderMark};
  size_t before = 0;
  do {
    before = text.size();
    text = absl::StripAsciiWhitespace(text);
    for (const char* blank : kBlanks) {
      absl::ConsumePrefix(&text, blank);
      absl::ConsumeSuffix(&text, blank);
    }
  } while (text.size() < before);
  return text;
}

absl::StatusOr<std::string> DecodeText(absl::string_view bytes, const std::string& path,
                                       ForeignBytes foreign_bytes) {
  absl::string_view rest = bytes;
  if (absl::ConsumePrefix(&rest, absl::string_view("\xff\xfe\0\0", 4)) ||
      absl::ConsumePrefix(&rest, absl::string_view("\0\0\xfe\xff", 4))) {
    return absl::DataLossError(absl::StrCat(path, ": UTF-32 is not read: save it as UTF-8"));
  }
  if (absl::ConsumePrefix(&rest, "\xff\xfe")) return FromUtf16(rest, false, path);
  if (absl::ConsumePrefix(&rest, "\xfe\xff")) return FromUtf16(rest, true, path);
  if (HasZeroEverySecond(bytes, 1)) return FromUtf16(bytes, false, path);
  if (HasZeroEverySecond(bytes, 0)) return FromUtf16(bytes, true, path);
  // Some programs put another one in front.
  while (absl::ConsumePrefix(&rest, kByteOrderMark)) {
  }
  const size_t zero = rest.find('\0');
  const size_t foreign =
      foreign_bytes == ForeignBytes::kKept ? zero : std::min(zero, FindForeignByte(rest));
  if (foreign == absl::string_view::npos) return std::string(rest);
  const auto line = 1 + std::count(rest.begin(), rest.begin() + foreign, '\n');
  if (foreign == zero) {
    return absl::DataLossError(absl::StrCat(path, ":", line, ": a zero byte: it is no text"));
  }
  return absl::DataLossError(absl::StrFormat(
      "%s:%d: the byte 0x%02X is no UTF-8: save it as UTF-8, or, if it is of Windows, convert it "
      "with iconv -f WINDOWS-1252 -t UTF-8",
      path, line, static_cast<uint8_t>(rest[foreign])));
}

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  CASSLE_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  return DecodeText(bytes, path);
}

}  // namespace cassle
