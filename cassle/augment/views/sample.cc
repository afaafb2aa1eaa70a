#include "cassle/augment/views/sample.h"

#include <algorithm>

#include "cassle/augment/operations/operations.h"
#include "cassle/base/philox.h"

namespace cassle {
namespace {

// The coarsest decoding at which the box still has at least as many pixels as the view.
int FastDenominator(const Box& box, int64_t size) {
  const int64_t side = std::min(box.height, box.width);
  int denominator = 8;
  while (denominator > 1 && side < denominator * size) denominator /= 2;
  return denominator;
}

}  // namespace

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
  const CanvasFill& fill = *FillOf(record).fill;
  if (policy.decode() == v1::FAST && fill.takes_coarse_source) {
    record.set_fast_denominator(FastDenominator(fill.source_box(record), record.size()));
  }
  return record;
}

}  // namespace cassle
