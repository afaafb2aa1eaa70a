// From a found image to its pixels: the step that all readers of sources have in common.
#ifndef CASSLE_DATA_SOURCES_ITEM_PIXELS_H_
#define CASSLE_DATA_SOURCES_ITEM_PIXELS_H_

#include <optional>

#include "absl/status/statusor.h"
#include "cassle/data/images/image_file.h"
#include "cassle/data/sources/source.h"

namespace cassle {

// Fills item->pixels, and in item->remarks what was odd about the image: a name that speaks of
// another format among it. Returns what its file turned out to be; nothing if the source has no
// files. On any thread, once.
// \error kDataLoss, saying why, for an image that cannot be used; kNotFound for a file that cannot
// be read. The caller adds the key.
absl::StatusOr<std::optional<ImageFileContent>> LoadPixels(const DecodeLimits& limits,
                                                           SourceItem* item);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ITEM_PIXELS_H_
