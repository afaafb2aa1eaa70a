#include "cassle/augment/gaussian_blur.h"

#include <cmath>
#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cassle {
namespace {

constexpr double kNegligibleTap = 1.0 / (1 << 30);

bool InPolicy(const v1::Policy& policy) { return policy.has_blur(); }

absl::Status Check(const v1::Policy& policy) {
  const v1::BlurPolicy& blur = policy.blur();
  if (!(blur.sigma_min_px() > 0.0 && blur.sigma_min_px() <= blur.sigma_max_px() &&
        blur.sigma_max_px() <= kMaxBlurSigmaPx)) {
    return PolicyError("blur.sigma_min_px, blur.sigma_max_px",
                       absl::StrCat("are ", blur.sigma_min_px(), " and ", blur.sigma_max_px(),
                                    ": pixels with 0 < min <= max <= 10000, say 0.1 and 2"));
  }
  if (blur.kernel_px() < 1 || blur.kernel_px() % 2 == 0) {
    return PolicyError("blur.kernel_px", absl::StrCat("is ", blur.kernel_px(),
                                                      ": the number of taps must be odd, say ",
                                                      std::abs(blur.kernel_px()) / 2 * 2 + 1));
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
  record->clear_blur();
  if (!random.Bernoulli(blur.probability())) return;
  record->mutable_blur()->set_sigma_px(
      static_cast<float>(random.Uniform(blur.sigma_min_px(), blur.sigma_max_px())));
  record->mutable_blur()->set_kernel_px(blur.kernel_px());
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

// taps[t] for t = 0 .. radius; the negligible ones are cut off.
std::vector<float> HalfKernel(double sigma_px, int kernel_px) {
  const int radius = kernel_px / 2;
  std::vector<double> weights(radius + 1);
  double sum = 0.0;
  for (int t = 0; t <= radius; ++t) {
    const double z = t / sigma_px;
    weights[t] = std::exp(-0.5 * z * z);
    sum += t == 0 ? weights[t] : 2.0 * weights[t];
  }
  std::vector<float> taps;
  for (int t = 0; t <= radius && weights[t] / sum >= kNegligibleTap; ++t) {
    taps.push_back(static_cast<float>(weights[t] / sum));
  }
  return taps;
}

int Reflect(int index, int size) {
  if (index < 0) index = -index;
  return index >= size ? 2 * (size - 1) - index : index;
}

}  // namespace

void GaussianBlur(float sigma_px, int kernel_px, std::vector<float>* scratch, FloatImage* image) {
  if (sigma_px == 0.0f || kernel_px <= 1) return;
  const std::vector<float> taps = HalfKernel(sigma_px, kernel_px);
  const int radius = static_cast<int>(taps.size()) - 1;
  if (radius == 0) return;
  const int height = image->height;
  const int width = image->width;
  // One row with its reflected borders, then one plane blurred along its rows.
  scratch->resize(width + 2 * radius + image->plane_size());
  float* const padded = scratch->data();
  float* const blurred = padded + width + 2 * radius;
  for (int c = 0; c < 3; ++c) {
    float* const plane = image->plane(c);
    for (int y = 0; y < height; ++y) {
      const float* __restrict row = plane + int64_t{y} * width;
      for (int x = -radius; x < 0; ++x) padded[x + radius] = row[Reflect(x, width)];
      for (int x = 0; x < width; ++x) padded[x + radius] = row[x];
      for (int x = width; x < width + radius; ++x) padded[x + radius] = row[Reflect(x, width)];
      const float* __restrict centre = padded + radius;
      float* __restrict out = blurred + int64_t{y} * width;
      for (int x = 0; x < width; ++x) out[x] = taps[0] * centre[x];
      for (int t = 1; t <= radius; ++t) {
        const float tap = taps[t];
        const float* __restrict left = centre - t;
        const float* __restrict right = centre + t;
        for (int x = 0; x < width; ++x) out[x] += tap * (left[x] + right[x]);
      }
    }
    for (int y = 0; y < height; ++y) {
      float* __restrict out = plane + int64_t{y} * width;
      const float* __restrict centre = blurred + int64_t{y} * width;
      for (int x = 0; x < width; ++x) out[x] = taps[0] * centre[x];
      for (int t = 1; t <= radius; ++t) {
        const float tap = taps[t];
        const float* __restrict above = blurred + int64_t{Reflect(y - t, height)} * width;
        const float* __restrict below = blurred + int64_t{Reflect(y + t, height)} * width;
        for (int x = 0; x < width; ++x) out[x] += tap * (above[x] + below[x]);
      }
    }
  }
}

Operation GaussianBlurOperation() {
  return {.name = "blur",
          .domain = RandomDomain::kBlur,
          .in_policy = InPolicy,
          .check = Check,
          .sample = Sample,
          .apply = Apply,
          .applied = Applied,
          .set_identity = SetIdentity,
          .captions = Captions,
          .groups = {{"blur", 1, Describe}}};
}

}  // namespace cassle
