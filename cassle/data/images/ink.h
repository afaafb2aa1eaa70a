// CMYK to RGB as Pillow does it, without colour profiles.
#ifndef CASSLE_DATA_IMAGES_INK_H_
#define CASSLE_DATA_IMAGES_INK_H_

#include <cstdint>

namespace cassle {

// The light that `ink` (cyan, magenta or yellow, 0 to 255) leaves of `white`, which is 255 - key:
// white minus the ink's share of it, in integers rounded as x / 255.
inline uint8_t InkToLight(int ink, int white) {
  const int product = ink * white + 128;
  return static_cast<uint8_t>(white - ((product + (product >> 8)) >> 8));
}

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_INK_H_
