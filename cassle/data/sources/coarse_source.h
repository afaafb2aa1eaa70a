// A source whose classes are also put together into coarser ones: the target "coarse".
#ifndef CASSLE_DATA_SOURCES_COARSE_SOURCE_H_
#define CASSLE_DATA_SOURCES_COARSE_SOURCE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cassle/data/sources/source.h"

namespace cassle {

// Line k+1 of the text file `path` names the coarse class of class k (the source's own number);
// coarse classes are numbered in the order in which they first occur. Images without a label get no
// target. An empty path: `source` itself.
// \error kNotFound; kDataLoss if the file has not one line for each class of the source.
absl::StatusOr<std::unique_ptr<ImageSource>> WithCoarseClasses(std::unique_ptr<ImageSource> source,
                                                               const std::string& path);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_COARSE_SOURCE_H_
