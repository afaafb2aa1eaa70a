#include "cassle/augment/operations/gaussian_noise.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/augment/pixels/pixel_noise.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

bool InPolicy(const v1::Policy& policy) { return policy.has_gaussian_noise(); }

absl::Status Check(const v1::Policy& policy) {
  const v1::GaussianNoisePolicy& noise = policy.gaussian_noise();
  CASSLE_RETURN_IF_ERROR(
      CheckRange("gaussian_noise", "sigma", noise.sigma_min(), noise.sigma_max(), 0.0, 1.0));
  return CheckProbability("gaussian_noise.probability", noise.probability());
}

void Sample(const v1::Policy& policy, Philox& random, v1::ViewRecord* record) {
  const v1::GaussianNoisePolicy& noise = policy.gaussian_noise();
  if (!random.Bernoulli(noise.probability())) return;
  v1::GaussianNoiseParameters* parameters = record->mutable_gaussian_noise();
  parameters->set_sigma(static_cast<float>(random.Uniform(noise.sigma_min(), noise.sigma_max())));
  parameters->set_noise_key(random.NextUint64());
}

absl::Status CheckRecord(const v1::ViewRecord& record) {
  const float sigma = record.gaussian_noise().sigma();
  if (sigma >= 0.0f && sigma <= 1.0f) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("gaussian noise with sigma ", sigma, ": 0 to 1 is possible"));
}

absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  if (!record->has_gaussian_noise()) return absl::OkStatus();
  const v1::GaussianNoiseParameters& noise = record->gaussian_noise();
  AddGaussianNoise(noise.sigma(), noise.noise_key(), &canvas->image);
  return absl::OkStatus();
}

bool Applied(const v1::ViewRecord& record) { return record.has_gaussian_noise(); }

void SetIdentity(const v1::Policy&, v1::ViewRecord* record) {
  record->mutable_gaussian_noise()->set_sigma(0.0f);
}

std::vector<Caption> Captions(const v1::Policy& policy, const v1::ViewRecord& record) {
  if (!Applied(record)) return {{"noise", ""}};
  const double sigma = record.gaussian_noise().sigma();
  return {{"noise", absl::StrFormat("%.2f", sigma), 0.0, 0.0, policy.gaussian_noise().sigma_max(),
           sigma}};
}

void Describe(const v1::Policy&, const v1::ViewRecord& record, float* out) {
  out[0] = record.gaussian_noise().sigma();
}

}  // namespace

void AddGaussianNoise(float sigma, uint64_t key, FloatImage* image) {
  if (sigma == 0.0f) return;
  for (uint32_t c = 0; c < 3; ++c) {
    float* plane = image->plane(c);
    AddNoise(key, c, sigma, image->plane_size(), plane);
    for (int64_t i = 0; i < image->plane_size(); ++i) {
      plane[i] = std::min(std::max(plane[i], 0.0f), 1.0f);
    }
  }
}

Operation GaussianNoiseOperation() {
  return {.name = "gaussian_noise",
          .work = Work::kOther,
          .domain = RandomDomain::kGaussianNoise,
          .in_policy = InPolicy,
          .check = Check,
          .sample = Sample,
          .check_record = CheckRecord,
          .apply = Apply,
          .applied = Applied,
          .set_identity = SetIdentity,
          .captions = Captions,
          .groups = {{"gaussian_noise", 1, Describe}}};
}

}  // namespace cassle
