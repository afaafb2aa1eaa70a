// The name of a picture's pixels: equal for equal pictures, whatever files they come from.
#ifndef CASSLE_DATA_IMAGES_PIXEL_HASH_H_
#define CASSLE_DATA_IMAGES_PIXEL_HASH_H_

#include <array>
#include <cstdint>

#include "cassle/data/images/image.h"

namespace cassle {

// 128 bits, most significant byte first, as `xxh128sum` prints them.
using PixelHash = std::array<uint8_t, 16>;

// xxh3-128 of the RGB bytes, row by row, with the seed (height << 32) + width; in Python:
//   xxhash.xxh3_128_digest(numpy.asarray(image).tobytes(), seed=(height << 32) + width)
PixelHash HashPixels(const RgbImage& image);

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_PIXEL_HASH_H_
