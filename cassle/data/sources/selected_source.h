// A part of a source: some of its classes, or all of its splits as one.
#ifndef CASSLE_DATA_SOURCES_SELECTED_SOURCE_H_
#define CASSLE_DATA_SOURCES_SELECTED_SOURCE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "cassle/data/sources/class_choice.h"
#include "cassle/data/sources/source.h"

namespace cassle {

// Images of other classes than those that are chosen are left out; the classes keep their order and
// are numbered anew. All images go into the split `joined`; empty: they stay in theirs.
// Counts in the tally: images without a label that are left out, and names in choice.without() of
// classes that are not there (BACKGROUND_Google is in one of two published archives).
// \error kFailedPrecondition if the source does not know its classes before it is read, or lacks
// one of choice.only(), or one of choice.without() that may be a class misspelt (naming it).
absl::StatusOr<std::unique_ptr<ImageSource>> SelectFrom(std::unique_ptr<ImageSource> source,
                                                        const ClassChoice& choice,
                                                        const std::string& joined, Tally* tally);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_SELECTED_SOURCE_H_
