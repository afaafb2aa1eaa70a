// Splits of a published data set that has none: drawn by a seed.
#ifndef CASSLE_DATA_SOURCES_TABLES_DRAW_SPLITS_H_
#define CASSLE_DATA_SOURCES_TABLES_DRAW_SPLITS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/data/sources/source.h"
#include "cassle/data/sources/tables/row_source.h"

namespace cassle {

// Puts rows into train, val and test as arguments.lists.draw() says, by class if it has numbers per
// class. Rows of classes that arguments.choice discards have no part in it, so that the same images
// are drawn whether those classes are there or not; they go into a split that others are in.
//   classes  names of the labels; empty: those that occur.
// \error kInvalidArgument for shares above 1 together; kFailedPrecondition naming a class that has
// too few images; kDataLoss naming a row whose label is no class.
absl::Status DrawSplits(const SourceArguments& arguments, const std::vector<std::string>& classes,
                        std::vector<ImageRow>* rows);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_TABLES_DRAW_SPLITS_H_
