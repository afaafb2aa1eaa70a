// TIFF files.
#include "cassle/data/images/formats/format_fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  return cassle::FuzzFormat(cassle::kTiffFormat, data, size);
}
