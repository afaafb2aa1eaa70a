// The portable any maps: PBM, PGM and PPM, as text (P1, P2, P3) and as bytes (P4, P5, P6).
//
//   P6                      the kind
//   # a comment             anywhere in the header
//   width height            in decimal
//   255                     the largest value, 1 to 65535; not in P1 and P4
//   pixels                  after one blank
// Written here: the format is three numbers and the pixels. Values are scaled to 0 .. 255 and
// rounded, those of 16-bit gray as well (Pillow clips them); in P1 and P4 one is black.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/formats/file_format.h"

namespace cassle {
namespace {

struct AnyMap {
  int height = 0;
  int width = 0;
  bool text = false;
  int channels = 1;
  // 1 for bits.
  int largest = 1;
  bool bits = false;
  // What follows the header.
  absl::string_view pixels;
};

// Skips blanks and comments.
void SkipBlanks(absl::string_view* rest) {
  while (!rest->empty()) {
    if (absl::ascii_isspace(static_cast<unsigned char>(rest->front()))) {
      rest->remove_prefix(1);
    } else if (rest->front() == '#') {
      rest->remove_prefix(std::min(rest->find_first_of("\r\n"), rest->size()));
    } else {
      return;
    }
  }
}

// The next decimal number, at most `most`; -1 if there is none.
int NextNumber(absl::string_view* rest, int most) {
  SkipBlanks(rest);
  int64_t value = -1;
  while (!rest->empty() && absl::ascii_isdigit(static_cast<unsigned char>(rest->front()))) {
    value = std::max<int64_t>(value, 0) * 10 + (rest->front() - '0');
    if (value > most) return -1;
    rest->remove_prefix(1);
  }
  return static_cast<int>(value);
}

absl::StatusOr<AnyMap> ReadMap(absl::string_view file) {
  AnyMap map;
  const int kind = file[1] - '0';
  map.text = kind <= 3;
  map.bits = kind == 1 || kind == 4;
  map.channels = kind == 3 || kind == 6 ? 3 : 1;
  absl::string_view rest = file.substr(2);
  map.width = NextNumber(&rest, INT32_MAX);
  map.height = NextNumber(&rest, INT32_MAX);
  if (!map.bits) map.largest = NextNumber(&rest, 65535);
  if (map.width < 1 || map.height < 1 || map.largest < 1 || rest.empty()) {
    return absl::DataLossError("the header is no width, height and largest value");
  }
  map.pixels = rest.substr(map.text ? 0 : 1);
  return map;
}

uint8_t Scaled(int value, int largest) {
  return static_cast<uint8_t>(
      std::min(255L, std::lrint(static_cast<double>(value) / largest * 255)));
}

absl::Status ReadText(const AnyMap& map, RgbImage* image) {
  absl::string_view rest = map.pixels;
  // Each value is at least a digit, which bounds the memory by the file.
  const int64_t values = int64_t{map.height} * map.width * map.channels;
  if (values > static_cast<int64_t>(rest.size()))
    return absl::DataLossError("the pixels end early");
  image->Resize(map.height, map.width);
  uint8_t* rgb = image->pixels.data();
  for (int64_t i = 0; i < values; ++i) {
    int value = -1;
    if (map.bits) {
      // Digits need no blanks between them.
      SkipBlanks(&rest);
      if (!rest.empty() && (rest.front() == '0' || rest.front() == '1')) value = '1' - rest.front();
      if (!rest.empty()) rest.remove_prefix(1);
    } else {
      value = NextNumber(&rest, map.largest);
    }
    if (value < 0) return absl::DataLossError("the pixels end early or are no numbers");
    const uint8_t level = Scaled(value, map.largest);
    rgb = std::fill_n(rgb, map.channels == 3 ? 1 : 3, level);
  }
  return absl::OkStatus();
}

absl::Status ReadBytes(const AnyMap& map, RgbImage* image) {
  const size_t bytes = map.largest > 255 ? 2 : 1;
  const size_t row_bytes =
      map.bits ? (size_t{1} * map.width + 7) / 8 : bytes * map.channels * map.width;
  if (map.pixels.size() / row_bytes < static_cast<size_t>(map.height)) {
    return absl::DataLossError("the pixels end early");
  }
  image->Resize(map.height, map.width);
  std::vector<uint8_t> levels(map.largest + 1);
  for (int value = 0; value <= map.largest; ++value) levels[value] = Scaled(value, map.largest);
  const auto* row = reinterpret_cast<const uint8_t*>(map.pixels.data());
  for (int y = 0; y < map.height; ++y, row += row_bytes) {
    uint8_t* rgb = image->At(y, 0);
    for (int x = 0; x < map.width; ++x, rgb += 3) {
      for (int c = 0; c < 3; ++c) {
        const size_t at = size_t{1} * x * map.channels + (map.channels == 3 ? c : 0);
        if (map.bits) {
          rgb[c] = (row[x / 8] >> (7 - x % 8) & 1) != 0 ? 0 : 255;
        } else {
          const int value = bytes == 2 ? row[2 * at] << 8 | row[2 * at + 1] : row[at];
          rgb[c] = levels[std::min(value, map.largest)];
        }
      }
    }
  }
  return absl::OkStatus();
}

bool Matches(absl::string_view file) {
  return file.size() >= 3 && file[0] == 'P' && file[1] >= '1' && file[1] <= '6' &&
         absl::ascii_isspace(static_cast<unsigned char>(file[2]));
}

absl::StatusOr<ImageHeader> ReadHeader(absl::string_view file) {
  CASSLE_ASSIGN_OR_RETURN(const AnyMap map, ReadMap(file));
  return ImageHeader{v1::IMAGE_FORMAT_UNSPECIFIED, map.height, map.width, 1};
}

absl::Status Decode(absl::string_view file, const ImageHeader&, RgbImage* image,
                    DecodeReport* report) {
  CASSLE_ASSIGN_OR_RETURN(const AnyMap map, ReadMap(file));
  if (map.channels == 1 && map.largest > 255) report->Add(kDeepGray);
  return map.text ? ReadText(map, image) : ReadBytes(map, image);
}

}  // namespace

const FileFormat kPnmFormat = {"PNM", Matches, ReadHeader, Decode};

}  // namespace cassle
