#include "cassle/augment/grayscale.h"

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

void ToGrayscale(FloatImage* image) {
  float* __restrict red = image->plane(0);
  float* __restrict green = image->plane(1);
  float* __restrict blue = image->plane(2);
  const int64_t count = image->plane_size();
  for (int64_t i = 0; i < count; ++i) {
    const float gray = 0.299f * red[i] + 0.587f * green[i] + 0.114f * blue[i];
    red[i] = gray;
    green[i] = gray;
    blue[i] = gray;
  }
}

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
