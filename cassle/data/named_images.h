// The identity of what is read and is no input: images that a table names, which may lie anywhere,
// and files beside an input that is a file.
#ifndef CASSLE_DATA_NAMED_IMAGES_H_
#define CASSLE_DATA_NAMED_IMAGES_H_

#include <string>

#include "absl/status/statusor.h"
#include "cassle/data/sources/source.h"
#include "cassle/data/sources/source.pb.h"

namespace cassle {

// Fingerprint of the bytes of all images that a table among the inputs names, in its order; missing
// ones count as such; and of the files with labels or names of classes that lie beside an input
// that is a file (train_y.bin beside train_X.bin, classes.txt beside train.tar). Empty if there is
// neither: no input is a table (a .csv or .tsv, or a folder that holds one), or the images are in a
// folder that is an input itself. Cost: reads every image once.
// \error kCancelled if arguments.interrupted. What is wrong with a table is not said here.
absl::StatusOr<std::string> FingerprintNamedImages(v1::DatasetLayout::Source source,
                                                   const SourceArguments& arguments);

}  // namespace cassle

#endif  // CASSLE_DATA_NAMED_IMAGES_H_
