#include "cassle/augment/flip.h"

namespace cassle {
namespace {

bool InPolicy(const v1::Policy& policy) { return policy.has_flip(); }

absl::Status Check(const v1::Policy& policy) {
  return CheckProbability("flip.probability", policy.flip().probability());
}

void Sample(const v1::Policy& policy, Philox& random, v1::ViewRecord* record) {
  record->set_flipped(random.Bernoulli(policy.flip().probability()));
}

absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  if (record->flipped()) FlipHorizontally(&canvas->image);
  return absl::OkStatus();
}

void SetIdentity(const v1::Policy&, v1::ViewRecord* record) { record->set_flipped(false); }

std::vector<Caption> Captions(const v1::Policy&, const v1::ViewRecord& record) {
  return {{"flip", record.flipped() ? "yes" : ""}};
}

void Describe(const v1::Policy&, const v1::ViewRecord& record, float* out) {
  out[0] = record.flipped() ? 1.0f : 0.0f;
}

}  // namespace

Operation FlipOperation() {
  return {.name = "flip",
          .domain = RandomDomain::kFlip,
          .in_policy = InPolicy,
          .check = Check,
          .sample = Sample,
          .apply = Apply,
          .set_identity = SetIdentity,
          .captions = Captions,
          .groups = {{"flip", 1, Describe}}};
}

}  // namespace cassle
