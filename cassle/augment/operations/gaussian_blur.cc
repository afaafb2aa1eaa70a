#include "cassle/augment/operations/gaussian_blur.h"

#include <algorithm>
#include <cmath>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/augment/pixels/symmetric_filter.h"

namespace cassle {
namespace {

constexpr double kNegligibleTap = 1.0 / (1 << 24);
// Far beyond any use, and small enough that every number made from it is finite.
constexpr float kMaxSigmaPx = 10000.0f;

bool InPolicy(const v1::Policy& policy) { return policy.has_blur(); }

absl::Status Check(const v1::Policy& policy) {
  const v1::BlurPolicy& blur = policy.blur();
  if (!(blur.sigma_min_px() > 0.0 && blur.sigma_min_px() <= blur.sigma_max_px() &&
        blur.sigma_max_px() <= kMaxSigmaPx)) {
    return PolicyError("blur.sigma_min_px, blur.sigma_max_px",
                       absl::StrCat("are ", blur.sigma_min_px(), " and ", blur.sigma_max_px(),
                                    ": pixels with 0 < min <= max <= 10000, say 0.1 and 2"));
  }
  if (blur.kernel_px() < 1 || blur.kernel_px() % 2 == 0) {
    return PolicyError("blur.kernel_px", absl::StrCat("is ", blur.kernel_px(),
                                                      ": the number of taps must be odd, say ",
                                                      std::max(blur.kernel_px(), 2) / 2 * 2 + 1));
  }
  if (blur.kernel_px() / 2 >= policy.size()) {
    return PolicyError(
        "blur.kernel_px",
        absl::StrCat("is ", blur.kernel_px(), ", but the view has only ", policy.size(),
                     " pixels: the border is reflected, so the view must be larger than half the "
                     "kernel; use at most ",
                     2 * policy.size() - 1, " taps (about a tenth of the size is usual)"));
  }
  return CheckProbability("blur.probability", blur.probability());
}

void Sample(const v1::Policy& policy, Philox& random, v1::ViewRecord* record) {
  const v1::BlurPolicy& blur = policy.blur();
  if (!random.Bernoulli(blur.probability())) return;
  record->mutable_blur()->set_sigma_px(
      static_cast<float>(random.Uniform(blur.sigma_min_px(), blur.sigma_max_px())));
  record->mutable_blur()->set_kernel_px(blur.kernel_px());
}

absl::Status CheckRecord(const v1::ViewRecord& record) {
  if (!record.has_blur()) return absl::OkStatus();
  const v1::BlurParameters& blur = record.blur();
  if (blur.kernel_px() % 2 == 1 && blur.kernel_px() / 2 < record.size() &&
      blur.sigma_px() >= 0.0f && blur.sigma_px() <= kMaxSigmaPx) {
    return absl::OkStatus();
  }
  return absl::DataLossError(absl::StrCat("blur with ", blur.kernel_px(), " taps and sigma ",
                                          blur.sigma_px(), " is impossible at ", record.size(),
                                          " pixels"));
}

absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  if (!record->has_blur()) return absl::OkStatus();
  GaussianBlur(record->blur().sigma_px(), record->blur().kernel_px(), &canvas->scratch,
               &canvas->image);
  return absl::OkStatus();
}

bool Applied(const v1::ViewRecord& record) { return record.has_blur(); }

void SetIdentity(const v1::Policy& policy, v1::ViewRecord* record) {
  record->mutable_blur()->set_sigma_px(0.0f);
  record->mutable_blur()->set_kernel_px(policy.blur().kernel_px());
}

std::vector<Caption> Captions(const v1::Policy& policy, const v1::ViewRecord& record) {
  if (!record.has_blur()) return {{"blur sigma", ""}};
  const double sigma_px = record.blur().sigma_px();
  return {{"blur sigma", absl::StrFormat("%.2f", sigma_px), 0.0, 0.0, policy.blur().sigma_max_px(),
           sigma_px}};
}

void Describe(const v1::Policy&, const v1::ViewRecord& record, float* out) {
  out[0] = record.has_blur() ? record.blur().sigma_px() : 0.0f;
}

using HalfKernel = absl::InlinedVector<float, 16>;

// taps[t] for t = 0 .. radius; the negligible ones are cut off.
HalfKernel MakeHalfKernel(double sigma_px, int kernel_px) {
  const int radius = kernel_px / 2;
  const auto weight = [sigma_px](int t) {
    return std::exp(-0.5 * (t / sigma_px) * (t / sigma_px));
  };
  double sum = 1.0;
  for (int t = 1; t <= radius; ++t) sum += 2.0 * weight(t);
  HalfKernel taps;
  for (int t = 0; t <= radius && weight(t) >= kNegligibleTap * sum; ++t) {
    taps.push_back(static_cast<float>(weight(t) / sum));
  }
  return taps;
}

}  // namespace

void GaussianBlur(float sigma_px, int kernel_px, std::vector<float>* scratch, FloatImage* image) {
  if (sigma_px == 0.0f || kernel_px <= 1) return;
  const HalfKernel kernel = MakeHalfKernel(sigma_px, kernel_px);
  FilterSymmetrically(kernel, scratch, image);
}

Operation GaussianBlurOperation() {
  return {.name = "blur",
          .work = Work::kBlur,
          .domain = RandomDomain::kBlur,
          .in_policy = InPolicy,
          .check = Check,
          .sample = Sample,
          .check_record = CheckRecord,
          .apply = Apply,
          .applied = Applied,
          .set_identity = SetIdentity,
          .captions = Captions,
          .groups = {{"blur", 1, Describe}}};
}

}  // namespace cassle
