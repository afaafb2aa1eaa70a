// DecodeReport: what was found in an image that is decoded all the same. Asked for where files come
// in (shard-encoder); records are decoded without.
#ifndef CASSLE_DATA_IMAGES_DECODE_REPORT_H_
#define CASSLE_DATA_IMAGES_DECODE_REPORT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cassle {

// Phrases that can follow a number ("3 images cut off ..."): SourceItem::remarks.
inline constexpr char kDamagedData[] =
    "images with damage inside, decoded as far as it goes (as Pillow does)";
inline constexpr char kStrayBytes[] = "images with stray bytes between their parts";
inline constexpr char kCutBehindPixels[] = "images cut off behind their last pixel";
inline constexpr char kBytesBehindEnd[] = "images with more bytes behind their end, not read";
inline constexpr char kSeveralFrames[] = "images with several frames or pages: the first is used";
inline constexpr char kTransparent[] =
    "images with transparent pixels: alpha is dropped, the colours below it are used (as in "
    "Pillow)";
inline constexpr char kDeepGray[] =
    "images of 16-bit gray: scaled to 8 bits (Pillow clips those without alpha)";

struct DecodeReport {
  // Each at most once.
  std::vector<std::string> remarks;
  // An EXIF orientation that is not applied to the pixels, 1 to 8. How records are decoded never
  // changes, and the first of them knew only the 16-bit tag of a JPEG.
  int orientation_left = 1;

  void Add(absl::string_view remark) {
    for (const std::string& known : remarks) {
      if (known == remark) return;
    }
    remarks.emplace_back(remark);
  }
};

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_DECODE_REPORT_H_
