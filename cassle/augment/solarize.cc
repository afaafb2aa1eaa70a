#include "cassle/augment/solarize.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/augment/color_steps.h"

namespace cassle {
namespace {

bool InPolicy(const v1::Policy& policy) { return policy.has_solarize(); }

absl::Status Check(const v1::Policy& policy) {
  const v1::SolarizePolicy& solarize = policy.solarize();
  if (!(solarize.threshold_min() >= 0.0 && solarize.threshold_min() <= solarize.threshold_max() &&
        solarize.threshold_max() <= 1.0)) {
    return PolicyError("solarize.threshold_min, solarize.threshold_max",
                       absl::StrCat("are ", solarize.threshold_min(), " and ",
                                    solarize.threshold_max(), ": give 0 <= min <= max <= 1"));
  }
  return CheckProbability("solarize.probability", solarize.probability());
}

void Sample(const v1::Policy& policy, Philox& random, v1::ViewRecord* record) {
  const v1::SolarizePolicy& solarize = policy.solarize();
  record->clear_solarize();
  if (!random.Bernoulli(solarize.probability())) return;
  record->mutable_solarize()->set_threshold(
      static_cast<float>(random.Uniform(solarize.threshold_min(), solarize.threshold_max())));
}

absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  if (record->has_solarize()) Solarize(record->solarize().threshold(), &canvas->image);
  return absl::OkStatus();
}

// No pixel is above 1; a pixel equal to 1 would be inverted by a threshold of exactly 1.
void SetIdentity(const v1::Policy&, v1::ViewRecord* record) {
  record->mutable_solarize()->set_threshold(1.5f);
}

std::vector<Caption> Captions(const v1::Policy&, const v1::ViewRecord& record) {
  if (!record.has_solarize()) return {{"solarize", ""}};
  const double threshold = record.solarize().threshold();
  return {{"solarize", absl::StrFormat(">%.2f", threshold), 0.0, 1.0, 1.0, threshold}};
}

void Describe(const v1::Policy&, const v1::ViewRecord& record, float* out) {
  out[0] = record.has_solarize() ? record.solarize().threshold() : 1.0f;
}

}  // namespace

void Solarize(float threshold, FloatImage* image) {
  RunColorSteps({{ColorStep::Kind::kSolarize, threshold}}, image);
}

Operation SolarizeOperation() {
  return {.name = "solarize",
          .domain = RandomDomain::kSolarize,
          .in_policy = InPolicy,
          .check = Check,
          .sample = Sample,
          .apply = Apply,
          .set_identity = SetIdentity,
          .captions = Captions,
          .groups = {{"solarize", 1, Describe}}};
}

}  // namespace cassle
