#include "cassle/augment/grayscale.h"

#include "cassle/augment/color_steps.h"

namespace cassle {
namespace {

bool InPolicy(const v1::Policy& policy) { return policy.has_grayscale(); }

absl::Status Check(const v1::Policy& policy) {
  return CheckProbability("grayscale.probability", policy.grayscale().probability());
}

void Sample(const v1::Policy& policy, Philox& random, v1::ViewRecord* record) {
  record->set_grayscale(random.Bernoulli(policy.grayscale().probability()));
}

absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  if (record->grayscale()) ToGrayscale(&canvas->image);
  return absl::OkStatus();
}

void SetIdentity(const v1::Policy&, v1::ViewRecord* record) { record->set_grayscale(false); }

std::vector<Caption> Captions(const v1::Policy&, const v1::ViewRecord& record) {
  return {{"grayscale", record.grayscale() ? "yes" : ""}};
}

void Describe(const v1::Policy&, const v1::ViewRecord& record, float* out) {
  out[0] = record.grayscale() ? 1.0f : 0.0f;
}

}  // namespace

void ToGrayscale(FloatImage* image) { RunColorSteps({{ColorStep::Kind::kGrayscale}}, image); }

Operation GrayscaleOperation() {
  return {.name = "grayscale",
          .domain = RandomDomain::kGrayscale,
          .in_policy = InPolicy,
          .check = Check,
          .sample = Sample,
          .apply = Apply,
          .set_identity = SetIdentity,
          .captions = Captions,
          .groups = {{"grayscale", 1, Describe}}};
}

}  // namespace cassle
