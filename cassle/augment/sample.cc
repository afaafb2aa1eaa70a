#include "cassle/augment/sample.h"

#include "cassle/augment/operations.h"
#include "cassle/base/philox.h"

namespace cassle {

v1::ViewRecord SampleView(const v1::Policy& policy, const ViewKey& key, int source_height,
                          int source_width) {
  v1::ViewRecord record;
  record.set_image_id(key.image_id);
  record.set_epoch(key.epoch);
  record.set_view(key.view);
  record.set_source_height(source_height);
  record.set_source_width(source_width);
  record.set_size(policy.size());
  record.mutable_crop()->set_height(source_height);
  record.mutable_crop()->set_width(source_width);
  for (const Operation& operation : Operations()) {
    if (!operation.in_policy(policy)) continue;
    Philox random(StreamKey{key.seed, operation.domain, key.image_id, key.epoch, key.view});
    operation.sample(policy, random, &record);
    if (policy.compat() == v1::OFFICIAL && operation.sample_per_batch != nullptr) {
      Philox of_batch(StreamKey{key.seed, operation.batch_domain, key.batch, key.epoch, key.view});
      operation.sample_per_batch(policy, of_batch, &record);
    }
  }
  return record;
}

}  // namespace cassle
