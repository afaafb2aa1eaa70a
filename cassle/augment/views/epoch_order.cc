#include "cassle/augment/views/epoch_order.h"

#include "cassle/base/philox.h"

namespace cassle {

EpochOrder::EpochOrder(int64_t num_images, uint64_t seed, int64_t epoch)
    : shuffle_(num_images,
               MixSeed(MixSeed(seed, static_cast<uint64_t>(RandomDomain::kShuffle)), epoch)) {}

}  // namespace cassle
