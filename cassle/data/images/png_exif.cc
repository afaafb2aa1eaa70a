#include "cassle/data/images/png_exif.h"

#include <isa-l/igzip_lib.h>
#include <png.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/strip.h"
#include "cassle/data/images/exif.h"
#include "cassle/data/images/xmp.h"

namespace cassle {
namespace {

// Longer texts are not read, however little they are compressed to; Pillow's limit, and far more
// than the 64 kB of EXIF that cameras write.
constexpr size_t kMaxText = size_t{1} << 20;

// The content of the first chunk of that type that begins with `start`, without it; empty if there
// is none.
absl::string_view FindChunk(absl::string_view png, absl::string_view type,
                            absl::string_view start) {
  for (png.remove_prefix(std::min<size_t>(8, png.size())); png.size() >= 12;) {
    const size_t length = png_get_uint_32(reinterpret_cast<png_const_bytep>(png.data()));
    if (length > png.size() - 12) break;
    absl::string_view content = png.substr(8, length);
    if (png.substr(4, 4) == type && absl::ConsumePrefix(&content, start)) return content;
    png.remove_prefix(length + 12);
  }
  return {};
}

// What a zlib stream holds; empty if it is damaged or longer than kMaxText.
std::string Inflate(absl::string_view zlib) {
  // Not on the stack: 80 kB.
  const auto state = std::make_unique<inflate_state>();
  std::string text(kMaxText, '\0');
  isal_inflate_init(state.get());
  state->crc_flag = ISAL_ZLIB;
  // isal does not write to its input.
  state->next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(zlib.data()));
  state->avail_in = static_cast<uint32_t>(zlib.size());
  state->next_out = reinterpret_cast<uint8_t*>(&text[0]);
  state->avail_out = static_cast<uint32_t>(text.size());
  if (isal_inflate(state.get()) != ISAL_DECOMP_OK || state->block_state != ISAL_BLOCK_FINISH) {
    return {};
  }
  text.resize(text.size() - state->avail_out);
  return text;
}

// The bytes of a profile written as "\nNAME\nLENGTH\nHEX", where white space may stand between the
// digits; empty if it is malformed.
std::string ProfileBytes(absl::string_view text) {
  for (int line = 0; line < 3; ++line) {
    const size_t end = text.find('\n');
    if (end == absl::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  std::string digits;
  for (char c : text.substr(0, kMaxText)) {
    if (absl::ascii_isspace(static_cast<unsigned char>(c))) continue;
    if (!absl::ascii_isxdigit(static_cast<unsigned char>(c))) return {};
    digits += c;
  }
  // An odd digit at the end is none of a whole byte.
  digits.resize(digits.size() / 2 * 2);
  return absl::HexStringToBytes(digits);
}

// The EXIF that stands in the file as text.
std::string TextProfile(absl::string_view png) {
  // Behind the name of the text and its zero byte; of zTXt there is one method, 0 (zlib).
  const absl::string_view name("Raw profile type exif\0\0", 23);
  const absl::string_view plain = FindChunk(png, "tEXt", name.substr(0, 22));
  if (!plain.empty()) return ProfileBytes(plain);
  const absl::string_view packed = FindChunk(png, "zTXt", name);
  return packed.empty() ? std::string() : ProfileBytes(Inflate(packed));
}

// An international text: behind its name a byte whether it is packed, one how (0: zlib), and two
// texts ended by zeros, language and translated name.
std::string XmpPacket(absl::string_view png) {
  absl::string_view text = FindChunk(png, "iTXt", absl::string_view("XML:com.adobe.xmp\0", 18));
  if (text.size() < 2) return {};
  const bool packed = text[0] != 0;
  if (packed && text[1] != 0) return {};
  text.remove_prefix(2);
  for (int i = 0; i < 2; ++i) {
    const size_t end = text.find('\0');
    if (end == absl::string_view::npos) return {};
    text.remove_prefix(end + 1);
  }
  return packed ? Inflate(text) : std::string(text);
}

}  // namespace

absl::string_view FindPngChunk(absl::string_view png, absl::string_view type) {
  return FindChunk(png, type, "");
}

int ReadPngOrientation(absl::string_view png) {
  const absl::string_view chunk = FindPngChunk(png, "eXIf");
  const ExifOrientation exif =
      ReadExifOrientation(chunk.empty() ? TextProfile(png) : std::string(chunk));
  return exif.found ? exif.value : ReadXmpOrientation(XmpPacket(png));
}

}  // namespace cassle
