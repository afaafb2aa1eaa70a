#include "cassle/augment/contact_sheet.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cassle/augment/drawing.h"
#include "cassle/augment/operations.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/resample.h"

namespace cassle {
namespace {

constexpr int kCell = 256;
constexpr int kGap = 18;
constexpr int kMargin = 28;
constexpr int kTextScale = 2;
constexpr int kLine = kLetterHeight * kTextScale + 3;
constexpr int kTitleHeight = 84;
// Columns inside a caption, pixels from the left of the cell.
constexpr int kValueLeft = 10 * kLetterWidth * kTextScale + 8;
constexpr int kScaleLeft = kValueLeft + 5 * kLetterWidth * kTextScale + 4;

constexpr Color kPaper = {250, 250, 248};
constexpr Color kInk = {32, 33, 36};
constexpr Color kFaint = {176, 178, 182};
constexpr Color kTrack = {222, 223, 226};
// Of views 0, 1, ...: colours that also differ for the colour-blind (Okabe and Ito).
constexpr Color kViewColors[] = {{213, 94, 0}, {0, 114, 178}, {0, 158, 115}, {204, 121, 167}};

Color ViewColor(size_t view) { return kViewColors[view % (sizeof(kViewColors) / sizeof(Color))]; }

// Fits an image into a cell. Small images keep their square pixels.
absl::StatusOr<RgbImage> FitCell(const RgbImage& image) {
  const int longest = std::max(image.height, image.width);
  RgbImage fitted;
  if (longest >= 1 && longest <= 64) {
    const int scale = kCell / longest;
    fitted.Resize(image.height * scale, image.width * scale);
    for (int y = 0; y < fitted.height; ++y) {
      for (int x = 0; x < fitted.width; ++x) {
        std::copy_n(image.At(y / scale, x / scale), 3, fitted.At(y, x));
      }
    }
    return fitted;
  }
  const auto side = [longest](int pixels) {
    return std::max(1, static_cast<int>(static_cast<int64_t>(pixels) * kCell / longest));
  };
  CASSLE_RETURN_IF_ERROR(Resample(image, WholeImage(image), side(image.height), side(image.width),
                                  Interpolation::kBicubic, &fitted));
  return fitted;
}

void DrawScale(int top, int left, const Caption& caption, Color color, RgbImage* sheet) {
  const int width = kCell - kScaleLeft;
  const auto at = [&](double value) {
    const double fraction = (value - caption.low) / (caption.high - caption.low);
    return left +
           static_cast<int>(std::lround(std::min(std::max(fraction, 0.0), 1.0) * (width - 1)));
  };
  FillRectangle(top + 4, left, 6, width, kTrack, sheet);
  if (!caption.value.empty()) {
    const int from = std::min(at(caption.neutral), at(caption.position));
    const int to = std::max(at(caption.neutral), at(caption.position));
    FillRectangle(top + 4, from, 6, std::max(2, to - from + 1), color, sheet);
  }
  FillRectangle(top + 1, at(caption.neutral) - 1, 12, 2, kFaint, sheet);
}

// Returns the first line below.
int DrawCaptions(int top, int left, const v1::Policy& policy, const v1::ViewRecord& record,
                 Color color, RgbImage* sheet) {
  for (const Operation& operation : Operations()) {
    if (!operation.in_policy(policy)) continue;
    for (const Caption& caption : operation.captions(policy, record)) {
      const bool applied = !caption.value.empty();
      DrawText(top, left, kTextScale, applied ? kInk : kFaint, caption.label, sheet);
      DrawText(top, left + kValueLeft, kTextScale, applied ? kInk : kFaint,
               applied ? caption.value : "-", sheet);
      if (caption.high > caption.low) {
        DrawScale(top, left + kScaleLeft, caption, color, sheet);
      }
      top += kLine;
    }
  }
  return top;
}

int CaptionLines(const v1::Policy& policy, const v1::ViewRecord& record) {
  int lines = 0;
  for (const Operation& operation : Operations()) {
    if (operation.in_policy(policy)) lines += operation.captions(policy, record).size();
  }
  return lines;
}

// The source with the crops of its views.
absl::Status DrawSource(int top, int left, const ContactSheetRow& row, RgbImage* sheet) {
  CASSLE_ASSIGN_OR_RETURN(const RgbImage fitted, FitCell(row.source));
  DrawImage(top, left, fitted, sheet);
  const double scale = static_cast<double>(fitted.width) / row.source.width;
  for (size_t view = row.records.size(); view-- > 0;) {
    const v1::CropParameters& box = row.records[view].crop();
    const auto pixel = [scale](double position) {
      return static_cast<int>(std::lround(position * scale));
    };
    const int y = top + pixel(box.top());
    const int x = left + pixel(box.left());
    const int height = top + pixel(box.top() + box.height()) - y;
    const int width = left + pixel(box.left() + box.width()) - x;
    // Two frames of which one stands out on any image.
    DrawFrame(y, x, height, width, 4, kPaper, sheet);
    DrawFrame(y, x, height, width, 3, ViewColor(view), sheet);
  }
  int line = top + fitted.height + 10;
  constexpr size_t kLetters = kCell / (kLetterWidth * kTextScale);
  const uint64_t id = row.records.empty() ? 0 : row.records[0].image_id();
  DrawText(line, left, kTextScale, kInk, absl::StrCat("image ", id), sheet);
  line += kLine;
  // The end of a long key says more than its beginning.
  std::string key = row.key;
  if (key.size() > kLetters) key = absl::StrCat("..", key.substr(key.size() - kLetters + 2));
  DrawText(line, left, kTextScale, kFaint, key, sheet);
  line += kLine;
  DrawText(line, left, kTextScale, kFaint,
           absl::StrCat(row.source.width, " x ", row.source.height, " px"), sheet);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<RgbImage> DrawContactSheet(const std::string& title, const v1::Policy& policy,
                                          const std::vector<ContactSheetRow>& rows) {
  if (rows.empty() || rows[0].records.empty()) {
    return absl::InvalidArgumentError("a contact sheet needs at least one image with one view");
  }
  const int cells = 1 + static_cast<int>(rows[0].records.size());
  // Two images side by side as long as the sheet stays readable on a screen.
  const int across = cells <= 3 && rows.size() > 1 ? 2 : 1;
  const int down = (static_cast<int>(rows.size()) + across - 1) / across;
  const int block_width = cells * (kCell + kGap) + 2 * kGap;
  const int block_height =
      kCell + 10 + std::max(3, CaptionLines(policy, rows[0].records[0])) * kLine + kMargin;
  RgbImage sheet;
  sheet.Resize(kMargin + kTitleHeight + down * block_height,
               2 * kMargin + across * block_width - 3 * kGap);
  FillRectangle(0, 0, sheet.height, sheet.width, kPaper, &sheet);
  DrawText(kMargin, kMargin, 3, kInk, title, &sheet);
  DrawText(kMargin + 38, kMargin, kTextScale, kInk,
           "source with the crops of its views, then the views; bars: place in the policy's range, "
           "from the tick that changes nothing",
           &sheet);
  for (size_t r = 0; r < rows.size(); ++r) {
    const ContactSheetRow& row = rows[r];
    const int top = kMargin + kTitleHeight + static_cast<int>(r) / across * block_height;
    const int left = kMargin + static_cast<int>(r) % across * block_width;
    CASSLE_RETURN_IF_ERROR(DrawSource(top, left, row, &sheet));
    for (size_t view = 0; view < row.views.size() && view < row.records.size(); ++view) {
      const int x = left + (static_cast<int>(view) + 1) * (kCell + kGap);
      CASSLE_ASSIGN_OR_RETURN(const RgbImage fitted, FitCell(row.views[view]));
      DrawImage(top, x, fitted, &sheet);
      DrawFrame(top - 4, x - 4, fitted.height + 8, fitted.width + 8, 4, ViewColor(view), &sheet);
      DrawCaptions(top + kCell + 10, x, policy, row.records[view], ViewColor(view), &sheet);
    }
  }
  return sheet;
}

}  // namespace cassle
