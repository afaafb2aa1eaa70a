// A part of a source: some of its classes, or all of its splits as one.
#ifndef CASSLE_DATA_SOURCES_SELECTED_SOURCE_H_
#define CASSLE_DATA_SOURCES_SELECTED_SOURCE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/sources/source.h"

namespace cassle {

// Images of other classes than `only_classes` (empty: all) and those of `without_classes` are left
// out; the classes keep their order and are numbered anew. All images go into the split `joined`;
// empty: they stay in theirs.
// Counts in the tally: images without a label that are left out, and names in `without_classes` of
// classes that are not there (BACKGROUND_Google is in one of two published archives).
// \error kFailedPrecondition if the source does not know its classes before it is read, or lacks
// one of `only_classes`, or one of `without_classes` that may be a class misspelt (naming it).
absl::StatusOr<std::unique_ptr<ImageSource>> SelectFrom(
    std::unique_ptr<ImageSource> source, const std::vector<std::string>& only_classes,
    const std::vector<std::string>& without_classes, const std::string& joined, Tally* tally);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_SELECTED_SOURCE_H_
