#include "cassle/augment/pictures/view_comparison.h"

#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cassle/augment/pictures/drawing.h"
#include "cassle/base/fingerprint.h"

namespace cassle {
namespace {

// The side that small views are enlarged to, pixels.
constexpr int kShownSide = 256;
constexpr int kMargin = 8;
constexpr Color kPaper = {255, 255, 255};
constexpr Color kInk = {20, 20, 20};

// A line of MessageDifferencer's report ("modified: flipped: true -> false", "added: blur.sigma_px:
// 1.5", "deleted: ...") in our words.
std::string InWords(absl::string_view line) {
  const std::pair<absl::string_view, absl::string_view> parts =
      absl::StrSplit(line, absl::MaxSplits(": ", 1));
  const std::pair<absl::string_view, absl::string_view> field =
      absl::StrSplit(parts.second, absl::MaxSplits(": ", 1));
  const absl::string_view value = absl::StripAsciiWhitespace(field.second);
  if (parts.first == "added") return absl::StrCat(field.first, ": recorded none, replayed ", value);
  if (parts.first == "deleted")
    return absl::StrCat(field.first, ": recorded ", value, ", replayed none");
  const std::pair<absl::string_view, absl::string_view> values =
      absl::StrSplit(value, absl::MaxSplits(" -> ", 1));
  return absl::StrCat(field.first, ": recorded ", values.first, ", replayed ", values.second);
}

void DrawEnlarged(int top, int left, int scale, const RgbImage& image, RgbImage* picture) {
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const uint8_t* pixel = image.At(y, x);
      FillRectangle(top + y * scale, left + x * scale, scale, scale, {pixel[0], pixel[1], pixel[2]},
                    picture);
    }
  }
}

// |a - b|, the largest difference at full brightness.
RgbImage AmplifiedDifference(const RgbImage& a, const RgbImage& b) {
  RgbImage difference = a;
  int largest = 1;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    const int distance = std::abs(a.pixels[i] - b.pixels[i]);
    difference.pixels[i] = static_cast<uint8_t>(distance);
    largest = std::max(largest, distance);
  }
  for (uint8_t& value : difference.pixels) value = static_cast<uint8_t>(value * 255 / largest);
  return difference;
}

}  // namespace

std::string CompareRecords(const v1::ViewRecord& recorded, const v1::ViewRecord& replayed) {
  const auto parameters = [](v1::ViewRecord record) {
    record.clear_pixels();
    record.clear_pixel_format();
    return record;
  };
  google::protobuf::util::MessageDifferencer differencer;
  std::string report;
  differencer.ReportDifferencesToString(&report);
  if (differencer.Compare(parameters(recorded), parameters(replayed))) return "";
  const std::vector<std::string> lines = absl::StrSplit(report, '\n');
  return InWords(lines[0]);
}

std::string ComparePixels(const RgbImage& recorded, const RgbImage& replayed, int tolerance) {
  if (recorded.height != replayed.height || recorded.width != replayed.width) {
    return absl::StrCat("pixels: recorded ", recorded.width, "x", recorded.height, ", replayed ",
                        replayed.width, "x", replayed.height);
  }
  int64_t first = -1;
  int64_t count = 0;
  int largest = 0;
  for (size_t i = 0; i < recorded.pixels.size(); ++i) {
    const int distance = std::abs(recorded.pixels[i] - replayed.pixels[i]);
    if (distance <= tolerance) continue;
    if (first < 0) first = static_cast<int64_t>(i);
    ++count;
    largest = std::max(largest, distance);
  }
  if (first < 0) return "";
  const int64_t pixel = first / 3;
  return absl::StrCat(
      "pixel at row ", pixel / recorded.width, ", column ", pixel % recorded.width, ", ",
      first % 3 == 0   ? "red"
      : first % 3 == 1 ? "green"
                       : "blue",
      ": recorded ", recorded.pixels[first], ", replayed ", replayed.pixels[first], "; ", count,
      " of ", recorded.pixels.size(), " values differ, by at most ", largest);
}

std::string ViewFingerprint(const v1::ViewRecord& record, const RgbImage& view) {
  Fingerprinter fingerprint;
  fingerprint.UpdateField(absl::StrCat(record.image_id(), " ", record.epoch(), " ", record.view(),
                                       " ", view.height, " ", view.width));
  fingerprint.UpdateField(
      absl::string_view(reinterpret_cast<const char*>(view.pixels.data()), view.pixels.size()));
  return fingerprint.Hex();
}

RgbImage DrawViewDifference(const std::string& title, const RgbImage& recorded,
                            const RgbImage& replayed) {
  const bool same_size = recorded.height == replayed.height && recorded.width == replayed.width;
  const int side = std::max({recorded.height, recorded.width, replayed.height, replayed.width, 1});
  const int scale = std::max(1, kShownSide / side);
  const int cell = scale * side + kMargin;
  RgbImage picture;
  picture.Resize(cell + 4 * kMargin + 2 * kLetterHeight,
                 std::max<int>(3 * cell + kMargin,
                               2 * kMargin + kLetterWidth * static_cast<int>(title.size())));
  FillRectangle(0, 0, picture.height, picture.width, kPaper, &picture);
  const int top = 2 * kMargin + kLetterHeight;
  const auto draw = [&](int column, absl::string_view name, const RgbImage& image) {
    const int left = kMargin + column * cell;
    DrawText(kMargin, left, 1, kInk, name, &picture);
    DrawEnlarged(top, left, scale, image, &picture);
  };
  draw(0, "recorded", recorded);
  draw(1, "replayed", replayed);
  if (same_size) draw(2, "difference, amplified", AmplifiedDifference(recorded, replayed));
  DrawText(top + cell, kMargin, 1, kInk, title, &picture);
  return picture;
}

}  // namespace cassle
