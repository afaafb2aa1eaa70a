// The order in which a run shows the images of an epoch, known from both ends: which image comes at
// a position (the loader), and in which batch an image comes (the recorder, which goes through the
// images in the order of their ids).
#ifndef CASSLE_AUGMENT_VIEWS_EPOCH_ORDER_H_
#define CASSLE_AUGMENT_VIEWS_EPOCH_ORDER_H_

#include <cstdint>

#include "cassle/base/permutation.h"

namespace cassle {

// A keyed permutation of 0 .. num_images-1, a pure function of (seed, epoch). Immutable, O(1) per
// question.
class EpochOrder {
 public:
  EpochOrder(int64_t num_images, uint64_t seed, int64_t epoch);

  // The image at a position of the epoch; both in 0 .. num_images-1.
  int64_t ImageAt(int64_t position) const { return shuffle_(position); }
  int64_t PositionOf(int64_t image) const { return shuffle_.Inverse(image); }
  // The batch of the epoch, from 0, that has the image. The last batch may be incomplete (the
  // loader drops it).
  int64_t BatchOf(int64_t image, int64_t batch_size) const {
    return PositionOf(image) / batch_size;
  }

 private:
  KeyedPermutation shuffle_;
};

}  // namespace cassle

#endif  // CASSLE_AUGMENT_VIEWS_EPOCH_ORDER_H_
