#include "cassle/eval/on_embeddings/retrieval_grid.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/augment/pictures/drawing.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/codec.h"
#include "cassle/eval/charts/html_text.h"

namespace cassle {
namespace {

constexpr int kFrame = 4;
constexpr int kGap = 10;
constexpr int kMargin = 16;
constexpr int kLine = kLetterHeight + 3;
constexpr int kTitleLine = 2 * kLetterHeight + 4;
constexpr int kCellWidth = kGridCell + 2 * kFrame + kGap;
constexpr int kCellHeight = kGridCell + 2 * kFrame + 2 * kLine + kGap;
// Between the query and what was found.
constexpr int kQueryGap = 14;

constexpr Color kPaper = {250, 250, 248};
constexpr Color kInk = {32, 33, 36};
constexpr Color kQuery = {90, 92, 98};
// Okabe and Ito: these two also differ for the colour-blind.
constexpr Color kRight = {0, 158, 115};
constexpr Color kWrong = {213, 94, 0};

// As much of the text as stands below a cell, away from what stands below the next.
std::string BelowCell(const std::string& text) {
  return DrawableText(text, kCellWidth / kLetterWidth - 2);
}

std::string Similarity(const GridImage& image) {
  return absl::StrFormat("%.3f%s", image.similarity,
                         !image.right.has_value() ? ""
                         : *image.right           ? " same"
                                                  : " other");
}

Color FrameOf(const GridImage& image) {
  if (!image.right.has_value()) return kQuery;
  return *image.right ? kRight : kWrong;
}

void DrawCell(int top, int left, Color frame, const GridImage& image, const std::string& below,
              RgbImage* picture) {
  const int side = kGridCell + 2 * kFrame;
  DrawFrame(top, left, side, side, kFrame, frame, picture);
  DrawImage(top + (side - image.image.height) / 2, left + (side - image.image.width) / 2,
            image.image, picture);
  DrawText(top + side + 3, left, 1, kInk, BelowCell(image.caption), picture);
  DrawText(top + side + 3 + kLine, left, 1, kInk, BelowCell(below), picture);
}

absl::StatusOr<std::string> Figure(const GridImage& image, const std::string& kind,
                                   const std::string& below) {
  CASSLE_ASSIGN_OR_RETURN(const std::string png, EncodePng(image.image));
  const std::string caption = EscapeHtml(image.caption), name = EscapeHtml(image.name);
  return absl::StrCat("<figure class=\"", kind, "\"><img alt=\"", caption, ", ", name,
                      "\" title=\"", name, "\" src=\"data:image/png;base64,",
                      absl::Base64Escape(png), "\"><figcaption>", caption, "<br><small>", below,
                      "</small></figcaption></figure>\n");
}

constexpr char kStyle[] = R"(<style>
:root { color-scheme: light dark; }
body { font: 14px/1.4 system-ui, sans-serif; margin: 2rem; }
.row { display: flex; flex-wrap: wrap; gap: 12px; margin-bottom: 1.2rem; }
figure { margin: 0; width: 116px; }
img { width: 100px; height: 100px; object-fit: contain; border: 5px solid #5a5c62;
      border-radius: 4px; background: #fff; image-rendering: pixelated; }
.query { margin-right: 16px; }
.right img { border-color: #009e73; }
.wrong img { border-color: #d55e00; border-style: dashed; }
figcaption { overflow-wrap: anywhere; }
</style>)";

}  // namespace

RgbImage DrawRetrievalGrid(const std::string& title, const std::vector<GridRow>& rows) {
  const int columns = 1 + static_cast<int>(rows.front().neighbors.size());
  const int width = 2 * kMargin + kQueryGap + columns * kCellWidth;
  const std::vector<std::string> titles =
      WrappedText(title, (width - 2 * kMargin) / (2 * kLetterWidth));
  const int title_height = static_cast<int>(titles.size()) * kTitleLine + 8;
  RgbImage picture;
  picture.Resize(2 * kMargin + title_height + static_cast<int>(rows.size()) * kCellHeight, width);
  FillRectangle(0, 0, picture.height, picture.width, kPaper, &picture);
  for (size_t i = 0; i < titles.size(); ++i) {
    DrawText(kMargin + static_cast<int>(i) * kTitleLine, kMargin, 2, kInk, titles[i], &picture);
  }
  int top = kMargin + title_height;
  for (const GridRow& row : rows) {
    DrawCell(top, kMargin, kQuery, row.query, "query", &picture);
    int left = kMargin + kQueryGap + kCellWidth;
    for (const GridImage& neighbor : row.neighbors) {
      DrawCell(top, left, FrameOf(neighbor), neighbor, Similarity(neighbor), &picture);
      left += kCellWidth;
    }
    top += kCellHeight;
  }
  return picture;
}

absl::StatusOr<RetrievalPage> RetrievalPage::Open(const std::string& path, const std::string& title,
                                                  const std::string& explanation) {
  CASSLE_ASSIGN_OR_RETURN(std::unique_ptr<FileWriter> file, FileWriter::Open(path));
  CASSLE_RETURN_IF_ERROR(file->Append(
      absl::StrCat("<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">",
                   "<meta name=\"viewport\" content=\"width=device-width\"><title>",
                   EscapeHtml(title), "</title>\n", kStyle, "</head>\n<body>\n<h1>",
                   EscapeHtml(title), "</h1>\n<p>", EscapeHtml(explanation), "</p>\n")));
  return RetrievalPage(std::move(file));
}

absl::Status RetrievalPage::Add(const GridRow& row) {
  CASSLE_ASSIGN_OR_RETURN(const std::string query, Figure(row.query, "query", "query"));
  CASSLE_RETURN_IF_ERROR(file_->Append(absl::StrCat("<div class=\"row\">\n", query)));
  for (const GridImage& neighbor : row.neighbors) {
    CASSLE_ASSIGN_OR_RETURN(const std::string figure, Figure(neighbor,
                                                             !neighbor.right.has_value() ? "unknown"
                                                             : *neighbor.right           ? "right"
                                                                                         : "wrong",
                                                             Similarity(neighbor)));
    CASSLE_RETURN_IF_ERROR(file_->Append(figure));
  }
  return file_->Append("</div>\n");
}

absl::Status RetrievalPage::Close() {
  CASSLE_RETURN_IF_ERROR(file_->Append("</body>\n</html>\n"));
  return file_->Close();
}

}  // namespace cassle
