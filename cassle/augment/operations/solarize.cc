#include "cassle/augment/operations/solarize.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/augment/pixels/color_steps.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

// What differs between the two places in the order of operations.
struct EarlySolarize {
  static constexpr char kName[] = "solarize";
  static bool InPolicy(const v1::Policy& policy) { return policy.has_solarize(); }
  static const v1::SolarizePolicy& PolicyOf(const v1::Policy& policy) { return policy.solarize(); }
  static bool Applied(const v1::ViewRecord& record) { return record.has_solarize(); }
  static const v1::SolarizeParameters& Of(const v1::ViewRecord& record) {
    return record.solarize();
  }
  static v1::SolarizeParameters* Mutable(v1::ViewRecord* record) {
    return record->mutable_solarize();
  }
};

struct LateSolarize {
  static constexpr char kName[] = "solarize_after_blur";
  static bool InPolicy(const v1::Policy& policy) { return policy.has_solarize_after_blur(); }
  static const v1::SolarizePolicy& PolicyOf(const v1::Policy& policy) {
    return policy.solarize_after_blur();
  }
  static bool Applied(const v1::ViewRecord& record) { return record.has_solarize_after_blur(); }
  static const v1::SolarizeParameters& Of(const v1::ViewRecord& record) {
    return record.solarize_after_blur();
  }
  static v1::SolarizeParameters* Mutable(v1::ViewRecord* record) {
    return record->mutable_solarize_after_blur();
  }
};

template <typename Place>
absl::Status Check(const v1::Policy& policy) {
  const v1::SolarizePolicy& solarize = Place::PolicyOf(policy);
  if (policy.has_solarize() && policy.has_solarize_after_blur()) {
    return PolicyError("solarize_after_blur",
                       "and solarize exclude each other: remove one of them");
  }
  CASSLE_RETURN_IF_ERROR(CheckRange(Place::kName, "threshold", solarize.threshold_min(),
                                    solarize.threshold_max(), 0.0, 1.0));
  return CheckProbability(absl::StrCat(Place::kName, ".probability"), solarize.probability());
}

template <typename Place>
void Sample(const v1::Policy& policy, Philox& random, v1::ViewRecord* record) {
  const v1::SolarizePolicy& solarize = Place::PolicyOf(policy);
  if (!random.Bernoulli(solarize.probability())) return;
  Place::Mutable(record)->set_threshold(
      static_cast<float>(random.Uniform(solarize.threshold_min(), solarize.threshold_max())));
}

template <typename Place>
absl::Status CheckRecord(const v1::ViewRecord& record) {
  if (!Place::Applied(record)) return absl::OkStatus();
  const float threshold = Place::Of(record).threshold();
  if (!(threshold >= 0.0f && std::isfinite(threshold))) {
    return absl::DataLossError(
        absl::StrCat(Place::kName, " threshold ", threshold, " is out of range"));
  }
  return absl::OkStatus();
}

template <typename Place>
absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  if (Place::Applied(*record)) Solarize(Place::Of(*record).threshold(), &canvas->image);
  return absl::OkStatus();
}

// No pixel is above 1; a pixel equal to 1 would be inverted by a threshold of exactly 1.
template <typename Place>
void SetIdentity(const v1::Policy&, v1::ViewRecord* record) {
  Place::Mutable(record)->set_threshold(1.5f);
}

template <typename Place>
std::vector<Caption> Captions(const v1::Policy&, const v1::ViewRecord& record) {
  if (!Place::Applied(record)) return {{"solarize", ""}};
  const double threshold = Place::Of(record).threshold();
  return {{"solarize", absl::StrFormat(">%.2f", threshold), 0.0, 1.0, 1.0, threshold}};
}

void Describe(const v1::Policy&, const v1::ViewRecord& record, float* out) {
  out[0] = 1.0f;
  if (record.has_solarize()) out[0] = record.solarize().threshold();
  if (record.has_solarize_after_blur()) out[0] = record.solarize_after_blur().threshold();
}

template <typename Place>
Operation MakeOperation() {
  return {.name = Place::kName,
          .work = Work::kColor,
          .domain = RandomDomain::kSolarize,
          .in_policy = Place::InPolicy,
          .check = Check<Place>,
          .sample = Sample<Place>,
          .check_record = CheckRecord<Place>,
          .apply = Apply<Place>,
          .applied = Place::Applied,
          .set_identity = SetIdentity<Place>,
          .captions = Captions<Place>,
          .groups = {{"solarize", 1, Describe}}};
}

}  // namespace

void Solarize(float threshold, FloatImage* image) {
  RunColorSteps({{ColorStep::Kind::kSolarize, threshold}}, image);
}

Operation SolarizeOperation() { return MakeOperation<EarlySolarize>(); }

Operation SolarizeAfterBlurOperation() { return MakeOperation<LateSolarize>(); }

}  // namespace cassle
