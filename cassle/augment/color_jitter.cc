#include "cassle/augment/color_jitter.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace cassle {
namespace {

inline float Clamp01(float value) { return value < 0.0f ? 0.0f : (value > 1.0f ? 1.0f : value); }

bool InPolicy(const v1::Policy& policy) { return policy.has_color_jitter(); }

absl::Status Check(const v1::Policy& policy) {
  const v1::ColorJitterPolicy& jitter = policy.color_jitter();
  const std::pair<const char*, double> strengths[] = {
      {"color_jitter.brightness", jitter.brightness()},
      {"color_jitter.contrast", jitter.contrast()},
      {"color_jitter.saturation", jitter.saturation()}};
  for (const auto& [field, value] : strengths) {
    if (!(value >= 0.0 && value <= kMaxColorStrength)) {
      return PolicyError(field, absl::StrCat("is ", value,
                                             ": factors are drawn from 1 - x to 1 + x, so give "
                                             "0 to 1000, say 0.4"));
    }
  }
  if (!(jitter.hue() >= 0.0 && jitter.hue() <= 0.5)) {
    return PolicyError("color_jitter.hue",
                       absl::StrCat("is ", jitter.hue(),
                                    ": turns between 0 and 0.5 (half the colour circle), say 0.1"));
  }
  return CheckProbability("color_jitter.probability", jitter.probability());
}

struct Range {
  double low;
  double high;
};

Range FactorRange(double strength) { return {std::max(0.0, 1.0 - strength), 1.0 + strength}; }

float DrawFactor(double strength, Philox& random) {
  const Range range = FactorRange(strength);
  return static_cast<float>(random.Uniform(range.low, range.high));
}

void DrawOrder(Philox& random, v1::ColorJitterParameters* parameters) {
  v1::ColorOperation order[] = {v1::BRIGHTNESS, v1::CONTRAST, v1::SATURATION, v1::HUE};
  for (int i = 3; i > 0; --i) std::swap(order[i], order[random.Below(i + 1)]);
  parameters->clear_order();
  for (v1::ColorOperation operation : order) parameters->add_order(operation);
}

void Sample(const v1::Policy& policy, Philox& random, v1::ViewRecord* record) {
  const v1::ColorJitterPolicy& jitter = policy.color_jitter();
  record->clear_color_jitter();
  if (!random.Bernoulli(jitter.probability())) return;
  v1::ColorJitterParameters* parameters = record->mutable_color_jitter();
  parameters->set_brightness(DrawFactor(jitter.brightness(), random));
  parameters->set_contrast(DrawFactor(jitter.contrast(), random));
  parameters->set_saturation(DrawFactor(jitter.saturation(), random));
  parameters->set_hue(static_cast<float>(random.Uniform(-jitter.hue(), jitter.hue())));
  DrawOrder(random, parameters);
}

// The authors' (kornia's) order is one per batch.
void SampleOrderOfBatch(const v1::Policy&, Philox& random, v1::ViewRecord* record) {
  if (record->has_color_jitter()) DrawOrder(random, record->mutable_color_jitter());
}

absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  if (record->has_color_jitter()) {
    ApplyColorJitter(record->mutable_color_jitter(), &canvas->image);
  }
  return absl::OkStatus();
}

bool Applied(const v1::ViewRecord& record) { return record.has_color_jitter(); }

void SetIdentity(const v1::Policy&, v1::ViewRecord* record) {
  v1::ColorJitterParameters* parameters = record->mutable_color_jitter();
  parameters->Clear();
  parameters->set_brightness(1.0f);
  parameters->set_contrast(1.0f);
  parameters->set_saturation(1.0f);
  for (int i = 0; i < 4; ++i) parameters->add_order(static_cast<v1::ColorOperation>(i));
}

std::vector<Caption> Captions(const v1::Policy& policy, const v1::ViewRecord& record) {
  const bool applied = record.has_color_jitter();
  const v1::ColorJitterParameters& jitter = record.color_jitter();
  const v1::ColorJitterPolicy& strength = policy.color_jitter();
  const auto factor = [applied](absl::string_view label, double value, double strength) {
    const Range range = FactorRange(strength);
    return Caption{std::string(label), applied ? absl::StrFormat("%.2f", value) : "",
                   range.low,          1.0,
                   range.high,         value};
  };
  std::string order;
  for (int operation : jitter.order()) {
    if (operation >= 0 && operation < 4) order += "bcsh"[operation];
  }
  return {factor("brightness", jitter.brightness(), strength.brightness()),
          factor("contrast", jitter.contrast(), strength.contrast()),
          factor("saturation", jitter.saturation(), strength.saturation()),
          {"hue", applied ? absl::StrFormat("%+.2f", jitter.hue()) : "", -strength.hue(), 0.0,
           strength.hue(), jitter.hue()},
          {"order", order}};
}

float Relative(double offset, double range) {
  return range > 0.0 ? static_cast<float>(offset / range) : 0.0f;
}

void DescribeColor(const v1::Policy& policy, const v1::ViewRecord& record, float* out) {
  std::fill(out, out + 4, 0.0f);
  if (!record.has_color_jitter()) return;
  const v1::ColorJitterParameters& jitter = record.color_jitter();
  const v1::ColorJitterPolicy& strength = policy.color_jitter();
  const auto relative_factor = [](double factor, double strength) {
    const Range range = FactorRange(strength);
    return Relative(factor - 1.0, range.high - range.low);
  };
  out[0] = relative_factor(jitter.brightness(), strength.brightness());
  out[1] = relative_factor(jitter.contrast(), strength.contrast());
  out[2] = relative_factor(jitter.saturation(), strength.saturation());
  out[3] = Relative(jitter.hue(), 2.0 * strength.hue());
}

void DescribeColorDifference(const v1::Policy&, const v1::ViewRecord& record, float* out) {
  const auto& difference = record.color_jitter().color_difference();
  for (int c = 0; c < 3; ++c) out[c] = c < difference.size() ? difference.Get(c) : 0.0f;
}

}  // namespace

void AdjustBrightness(float factor, FloatImage* image) {
  if (factor == 1.0f) return;
  float* values = image->values.data();
  const int64_t count = 3 * image->plane_size();
  for (int64_t i = 0; i < count; ++i) values[i] = Clamp01(factor * values[i]);
}

void AdjustContrast(float factor, FloatImage* image) {
  if (factor == 1.0f) return;
  const std::array<double, 3> means = ChannelMeans(*image);
  const double mean = 0.2989 * means[0] + 0.587 * means[1] + 0.114 * means[2];
  const float offset = static_cast<float>((1.0 - factor) * mean);
  float* values = image->values.data();
  const int64_t count = 3 * image->plane_size();
  for (int64_t i = 0; i < count; ++i) values[i] = Clamp01(factor * values[i] + offset);
}

// With V = max and chroma D = max - min, S = D / V, and every channel is V - D t with t in [0, 1]
// fixed by the hue. So scaling S by f scales V - channel by f, at most until S = 1 (D' = V).
void AdjustSaturation(float factor, FloatImage* image) {
  if (factor == 1.0f) return;
  float* __restrict red = image->plane(0);
  float* __restrict green = image->plane(1);
  float* __restrict blue = image->plane(2);
  const int64_t count = image->plane_size();
  for (int64_t i = 0; i < count; ++i) {
    const float r = red[i];
    const float g = green[i];
    const float b = blue[i];
    const float value = std::max(std::max(r, g), b);
    const float chroma = value - std::min(std::min(r, g), b);
    const float most = value / (chroma > 0.0f ? chroma : 1.0f);  // scale at which S becomes 1
    const float scale = chroma > 0.0f ? std::min(factor, most) : 0.0f;
    red[i] = value - (value - r) * scale;
    green[i] = value - (value - g) * scale;
    blue[i] = value - (value - b) * scale;
  }
}

// h in sextants; channel n (5 red, 3 green, 1 blue) is V - D clamp(min(k, 4 - k), 0, 1) with
// k = (n + h) mod 6 (Smith 1978, in the branch-free form).
void AdjustHue(float turns, FloatImage* image) {
  if (turns == 0.0f) return;
  float* __restrict red = image->plane(0);
  float* __restrict green = image->plane(1);
  float* __restrict blue = image->plane(2);
  const int64_t count = image->plane_size();
  const float shift = 6.0f * turns;
  const auto channel = [](float n, float h, float value, float chroma) {
    const float sum = n + h;
    const float k = sum >= 6.0f ? sum - 6.0f : sum;
    return value - chroma * Clamp01(std::min(k, 4.0f - k));
  };
  for (int64_t i = 0; i < count; ++i) {
    const float r = red[i];
    const float g = green[i];
    const float b = blue[i];
    const float value = std::max(std::max(r, g), b);
    const float chroma = value - std::min(std::min(r, g), b);
    const bool red_first = value == r;
    const bool green_first = value == g;
    const float difference = red_first ? g - b : (green_first ? b - r : r - g);
    const float sextant = red_first ? 0.0f : (green_first ? 2.0f : 4.0f);
    float h = sextant + difference / (chroma > 0.0f ? chroma : 1.0f) + shift;  // in [-4, 8]
    h = h < 0.0f ? h + 6.0f : h;
    h = h >= 6.0f ? h - 6.0f : h;
    red[i] = channel(5.0f, h, value, chroma);
    green[i] = channel(3.0f, h, value, chroma);
    blue[i] = channel(1.0f, h, value, chroma);
  }
}

void ApplyColorJitter(v1::ColorJitterParameters* parameters, FloatImage* image) {
  const std::array<double, 3> before = ChannelMeans(*image);
  for (int operation : parameters->order()) {
    switch (operation) {
      case v1::BRIGHTNESS:
        AdjustBrightness(parameters->brightness(), image);
        break;
      case v1::CONTRAST:
        AdjustContrast(parameters->contrast(), image);
        break;
      case v1::SATURATION:
        AdjustSaturation(parameters->saturation(), image);
        break;
      case v1::HUE:
        AdjustHue(parameters->hue(), image);
        break;
    }
  }
  const std::array<double, 3> after = ChannelMeans(*image);
  parameters->clear_color_difference();
  for (int c = 0; c < 3; ++c) {
    parameters->add_color_difference(static_cast<float>(before[c] - after[c]));
  }
}

Operation ColorJitterOperation() {
  return {.name = "color_jitter",
          .domain = RandomDomain::kColorJitter,
          .in_policy = InPolicy,
          .check = Check,
          .sample = Sample,
          .apply = Apply,
          .applied = Applied,
          .set_identity = SetIdentity,
          .captions = Captions,
          .groups = {{"color", 4, DescribeColor}, {"color_diff", 3, DescribeColorDifference}},
          .batch_domain = RandomDomain::kColorOrder,
          .sample_per_batch = SampleOrderOfBatch};
}

}  // namespace cassle
