// RgbImage: decoded pixels, the form in which every package passes images on.
#ifndef CASSLE_DATA_IMAGES_IMAGE_H_
#define CASSLE_DATA_IMAGES_IMAGE_H_

#include <cstdint>
#include <vector>

namespace cassle {

// 8-bit RGB pixels, [height, width, 3], row by row, R G B, no padding. A value type.
struct RgbImage {
  int height = 0;
  int width = 0;
  std::vector<uint8_t> pixels;

  // The three bytes of the pixel at (row, column).
  const uint8_t* At(int row, int column) const {
    return pixels.data() + (static_cast<int64_t>(row) * width + column) * 3;
  }
  uint8_t* At(int row, int column) {
    return pixels.data() + (static_cast<int64_t>(row) * width + column) * 3;
  }
  // Sets the size; the pixels keep no useful content.
  void Resize(int new_height, int new_width) {
    height = new_height;
    width = new_width;
    pixels.resize(static_cast<int64_t>(new_height) * new_width * 3);
  }
};

// An image without pixels that has the memory of `used`, which is left empty.
inline RgbImage TakeMemory(RgbImage* used) {
  RgbImage image;
  image.pixels.swap(used->pixels);
  used->Resize(0, 0);
  return image;
}

inline bool operator==(const RgbImage& a, const RgbImage& b) {
  return a.height == b.height && a.width == b.width && a.pixels == b.pixels;
}
inline bool operator!=(const RgbImage& a, const RgbImage& b) { return !(a == b); }

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_IMAGE_H_
