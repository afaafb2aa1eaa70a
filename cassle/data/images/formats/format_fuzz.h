// What must hold for every file of one format: FuzzFormat is the body of each NAME_fuzzer.cc here.
#ifndef CASSLE_DATA_IMAGES_FORMATS_FORMAT_FUZZ_H_
#define CASSLE_DATA_IMAGES_FORMATS_FORMAT_FUZZ_H_

#include <cstdint>
#include <string>

#include "cassle/base/testing/fuzz_check.h"
#include "cassle/data/images/formats/file_format.h"
#include "cassle/data/images/image_file.h"

namespace cassle {

inline int FuzzFormat(const FileFormat& format, const uint8_t* data, size_t size) {
  const std::string file(reinterpret_cast<const char*>(data), size);
  if (!format.matches(file)) return 0;
  constexpr DecodeLimits kLimits = {/*max_pixels=*/1 << 14};
  const absl::StatusOr<ImageHeader> header = ReadImageFileHeader(file);
  CASSLE_FUZZ_CHECK(header.ok() || BlamesInput(header.status()));
  RgbImage image;
  const absl::StatusOr<ImageFileContent> content = DecodeImageFile(file, kLimits, &image);
  if (!content.ok()) {
    CASSLE_FUZZ_CHECK(BlamesInput(content.status()));
    return 0;
  }
  CASSLE_FUZZ_CHECK(header.ok());
  CASSLE_FUZZ_CHECK(content->format == format.name);
  CASSLE_FUZZ_CHECK(image.height >= 1 && image.width >= 1);
  CASSLE_FUZZ_CHECK(image.height == header->height && image.width == header->width);
  CASSLE_FUZZ_CHECK(image.pixels.size() == uint64_t{3} * image.height * image.width);
  CASSLE_FUZZ_CHECK(int64_t{image.height} * image.width <= kLimits.max_pixels);
  // No pixel depends on what was in the memory before.
  RgbImage again;
  again.Resize(40, 50);
  again.pixels.assign(again.pixels.size(), 0xaa);
  CASSLE_FUZZ_CHECK(DecodeImageFile(file, kLimits, &again).ok());
  CASSLE_FUZZ_CHECK(again == image);
  return 0;
}

}  // namespace cassle

#endif  // CASSLE_DATA_IMAGES_FORMATS_FORMAT_FUZZ_H_
