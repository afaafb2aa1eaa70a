// Drawing the parameters of a view. No pixels are read.
#ifndef CASSLE_AUGMENT_VIEWS_SAMPLE_H_
#define CASSLE_AUGMENT_VIEWS_SAMPLE_H_

#include <cstdint>

#include "cassle/augment/operations/policy.pb.h"
#include "cassle/data/records/view_record.pb.h"

namespace cassle {

// What determines every draw, besides the policy and the size of the source.
struct ViewKey {
  uint64_t seed = 0;
  uint32_t epoch = 0;
  uint64_t image_id = 0;
  uint32_t view = 0;
  // Batch of the epoch, from 0. Matters only with compat OFFICIAL.
  uint64_t batch = 0;
};

// Every operation of the policy draws from its own Philox stream (seed, operation, image, epoch,
// view). The policy must have passed CheckPolicy and be that of the view (ViewPolicies in policy.h,
// where views differ); source sizes are at least 1.
v1::ViewRecord SampleView(const v1::Policy& policy, const ViewKey& key, int source_height,
                          int source_width);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_VIEWS_SAMPLE_H_
