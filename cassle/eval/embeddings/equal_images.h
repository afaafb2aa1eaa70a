// Warnings of images that stand where they should not: in train and test, or twice with different
// classes.
#ifndef CASSLE_EVAL_EMBEDDINGS_EQUAL_IMAGES_H_
#define CASSLE_EVAL_EMBEDDINGS_EQUAL_IMAGES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/eval/embeddings/embeddings.h"

namespace cassle {

// Sentences: test images that are also in train, by pixels where both folders have their hashes
// (cassle/eval/embeddings/pictures.h), else by id; and images that are equal but have different
// classes of one of `targets`.
//   test  null where train is tested on itself: then of images that stand in it more than once.
// \error those of Pictures::Open and Embeddings::Target.
absl::StatusOr<std::vector<std::string>> EqualImageWarnings(
    const Embeddings& train, const Embeddings* test, const std::vector<std::string>& targets);

// Of images of one set ("test") that are also in another ("val"), alike; empty if there are none.
absl::StatusOr<std::string> SharedImagesWarning(const char* role, const Embeddings& set,
                                                const char* other_role, const Embeddings& other);

// Of images of one set that are held out of what is learnt from, but equal by pixels to one that is
// not; empty if there are none.
//   learnt, held_out  rows of `train`; all rows of an image are on one side.
absl::StatusOr<std::string> HeldOutCopiesWarning(const Embeddings& train,
                                                 const std::vector<int64_t>& learnt,
                                                 const std::vector<int64_t>& held_out);

}  // namespace cassle

#endif  // CASSLE_EVAL_EMBEDDINGS_EQUAL_IMAGES_H_
