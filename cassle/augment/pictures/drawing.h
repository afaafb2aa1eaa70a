// Text and boxes on RGB8 pictures, for contact sheets: a small bitmap font and rectangles.
#ifndef CASSLE_AUGMENT_PICTURES_DRAWING_H_
#define CASSLE_AUGMENT_PICTURES_DRAWING_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cassle/data/images/image.h"

namespace cassle {

using Color = std::array<uint8_t, 3>;

// Letters are 5x7 dots in cells of 6x9, every dot scale x scale pixels.
inline constexpr int kLetterWidth = 6;
inline constexpr int kLetterHeight = 9;

// Everything is cut off at the picture's border.
void FillRectangle(int top, int left, int height, int width, Color color, RgbImage* picture);
// A frame of the given thickness inside the rectangle.
void DrawFrame(int top, int left, int height, int width, int thickness, Color color,
               RgbImage* picture);
// The text in letters of the font, one byte each: without accents, and with '?' for what is then no
// ASCII.
std::string DrawableText(absl::string_view text);
// The same in at most so many letters (3 or more): of a longer one both ends, with ".." between.
std::string DrawableText(absl::string_view text, size_t letters);
// The same in lines of at most so many letters (10 or more), broken at blanks where that leaves no
// line half empty; what follows the first is indented.
std::vector<std::string> WrappedText(absl::string_view text, size_t letters);
// As by DrawableText(). Returns the width in pixels.
int DrawText(int top, int left, int scale, Color color, absl::string_view text, RgbImage* picture);
void DrawImage(int top, int left, const RgbImage& image, RgbImage* picture);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_PICTURES_DRAWING_H_
