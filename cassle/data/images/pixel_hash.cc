#include "cassle/data/images/pixel_hash.h"

#include <xxhash.h>

#include <algorithm>

namespace cassle {

PixelHash HashPixels(const RgbImage& image) {
  const uint64_t size = (static_cast<uint64_t>(image.height) << 32) + image.width;
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical,
                           XXH3_128bits_withSeed(image.pixels.data(), image.pixels.size(), size));
  PixelHash hash;
  std::copy(std::begin(canonical.digest), std::end(canonical.digest), hash.begin());
  return hash;
}

}  // namespace cassle
