// The images behind embeddings, by name and by pixels: written beside them, and looked through for
// those that stand where they should not.
#ifndef CASSLE_EVAL_ON_IMAGES_EMBEDDED_IMAGES_H_
#define CASSLE_EVAL_ON_IMAGES_EMBEDDED_IMAGES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/data/records/dataset.h"
#include "cassle/stage/stage.h"

namespace cassle {

// One of each per image of a split, in its order.
struct EmbeddedImages {
  std::vector<int64_t> ids;
  std::vector<std::string> keys;
  // -1: none.
  std::vector<int> labels;
};

// Writes images.safetensors (cassle/eval/embeddings/pictures.h) into the stage's output, and notes
// images that are also in another split of the data set, or twice in this one with different
// labels, if the data set has hashes.
absl::Status WriteImageNames(const Dataset& dataset, const EmbeddedImages& images,
                             StageContext* context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_EMBEDDED_IMAGES_H_
