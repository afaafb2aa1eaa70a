// Which labelled images a monitor looks at: the same of a data set in every run.
#ifndef CASSLE_SSL_TRAINING_LABELLED_IMAGES_H_
#define CASSLE_SSL_TRAINING_LABELLED_IMAGES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/records/dataset.h"

namespace cassle {

struct LabelledImages {
  std::shared_ptr<const Dataset> images;
  // Indices into `images`, distinct, in random order, and the class of each, 0 .. classes-1.
  std::vector<int64_t> indices;
  std::vector<int> labels;
  int classes = 0;
};

// The first `count` labelled images of a keyed permutation of the split, or all there are: a pure
// function of the data set, `target` and `count`; fewer images are a prefix of more. target: as
// cassle/data/records/class_target.h has it. Reads the images that it chooses.
// \error kInvalidArgument if the data set has no such target (naming those there are);
// kFailedPrecondition if the split has no labels; kDataLoss for a class that is out of range.
absl::StatusOr<LabelledImages> ChooseLabelledImages(std::shared_ptr<const Dataset> images,
                                                    const std::string& target, int64_t count);

}  // namespace cassle

#endif  // CASSLE_SSL_TRAINING_LABELLED_IMAGES_H_
