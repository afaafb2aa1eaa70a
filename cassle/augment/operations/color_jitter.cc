#include "cassle/augment/operations/color_jitter.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "absl/container/inlined_vector.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/augment/pixels/color_steps.h"

namespace cassle {
namespace {

// Far beyond any use, and small enough that every number made from it is finite.
constexpr float kMaxStrength = 1000.0f;

bool InPolicy(const v1::Policy& policy) { return policy.has_color_jitter(); }

absl::Status Check(const v1::Policy& policy) {
  const v1::ColorJitterPolicy& jitter = policy.color_jitter();
  const std::pair<const char*, double> strengths[] = {
      {"color_jitter.brightness", jitter.brightness()},
      {"color_jitter.contrast", jitter.contrast()},
      {"color_jitter.saturation", jitter.saturation()}};
  for (const auto& [field, value] : strengths) {
    if (!(value >= 0.0 && value <= kMaxStrength)) {
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

absl::Status CheckRecord(const v1::ViewRecord& record) {
  if (!record.has_color_jitter()) return absl::OkStatus();
  const v1::ColorJitterParameters& jitter = record.color_jitter();
  for (float factor : {jitter.brightness(), jitter.contrast(), jitter.saturation()}) {
    if (!(factor >= 0.0f && factor <= 1.0f + kMaxStrength)) {
      return absl::DataLossError(absl::StrCat("colour factor ", factor, " is out of range"));
    }
  }
  if (!(std::fabs(jitter.hue()) <= 0.5f)) {
    return absl::DataLossError(absl::StrCat("hue ", jitter.hue(), " is not -0.5 to 0.5 turns"));
  }
  if (jitter.order_size() > v1::ColorOperation_ARRAYSIZE) {
    return absl::DataLossError(
        absl::StrCat("an order of ", jitter.order_size(), " colour operations; there are four"));
  }
  for (int operation : jitter.order()) {
    if (!v1::ColorOperation_IsValid(operation)) {
      return absl::DataLossError(
          absl::StrCat("colour operation ", operation, "; there are 0 to 3"));
    }
  }
  // Measured, and made again with the pixels; where those are stored, it is what is described.
  const auto& difference = jitter.color_difference();
  if ((!difference.empty() && difference.size() != 3) ||
      !std::all_of(difference.begin(), difference.end(),
                   [](float d) { return std::isfinite(d); })) {
    return absl::DataLossError(absl::StrCat("a colour difference of ", difference.size(),
                                            " values; three finite ones are possible"));
  }
  return absl::OkStatus();
}

absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  if (record->has_color_jitter()) {
    ApplyColorJitter(record->mutable_color_jitter(), &canvas->image);
  }
  return absl::OkStatus();
}

void CopyMeasured(const v1::ViewRecord& from, v1::ViewRecord* to) {
  if (!from.has_color_jitter() || !to->has_color_jitter()) return;
  *to->mutable_color_jitter()->mutable_color_difference() = from.color_jitter().color_difference();
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

ColorStep BrightnessStep(float factor) { return {ColorStep::Kind::kBlend, factor, 0.0f}; }

ColorStep ContrastStep(float factor, const ChannelMeans& means) {
  const double mean = 0.2989 * means[0] + 0.587 * means[1] + 0.114 * means[2];
  return {ColorStep::Kind::kBlend, factor, static_cast<float>((1.0 - factor) * mean)};
}

ColorStep SaturationStep(float factor) { return {ColorStep::Kind::kSaturation, factor}; }

ColorStep HueStep(float turns) { return {ColorStep::Kind::kHue, turns}; }

}  // namespace

void AdjustBrightness(float factor, FloatImage* image) {
  if (factor != 1.0f) RunColorSteps({BrightnessStep(factor)}, image);
}

void AdjustContrast(float factor, FloatImage* image) {
  if (factor == 1.0f) return;
  ChannelMeans means;
  RunColorSteps({}, image, &means, nullptr);
  RunColorSteps({ContrastStep(factor, means)}, image);
}

void AdjustSaturation(float factor, FloatImage* image) {
  if (factor != 1.0f) RunColorSteps({SaturationStep(factor)}, image);
}

void AdjustHue(float turns, FloatImage* image) {
  if (turns != 0.0f) RunColorSteps({HueStep(turns)}, image);
}

// At most two passes over the pixels: what comes before the contrast, which needs the mean of that,
// and the rest. Steps that change nothing are left out.
void ApplyColorJitter(v1::ColorJitterParameters* parameters, FloatImage* image) {
  absl::InlinedVector<ColorStep, 4> steps;
  ChannelMeans before, after;
  bool have_before = false;
  for (int operation : parameters->order()) {
    if (operation == v1::BRIGHTNESS && parameters->brightness() != 1.0f) {
      steps.push_back(BrightnessStep(parameters->brightness()));
    } else if (operation == v1::SATURATION && parameters->saturation() != 1.0f) {
      steps.push_back(SaturationStep(parameters->saturation()));
    } else if (operation == v1::HUE && parameters->hue() != 0.0f) {
      steps.push_back(HueStep(parameters->hue()));
    } else if (operation == v1::CONTRAST && parameters->contrast() != 1.0f) {
      ChannelMeans means;
      RunColorSteps(steps, image, have_before ? nullptr : &before, &means);
      have_before = true;
      steps = {ContrastStep(parameters->contrast(), means)};
    }
  }
  RunColorSteps(steps, image, have_before ? nullptr : &before, &after);
  parameters->clear_color_difference();
  for (int c = 0; c < 3; ++c) {
    parameters->add_color_difference(static_cast<float>(before[c] - after[c]));
  }
}

Operation ColorJitterOperation() {
  return {.name = "color_jitter",
          .work = Work::kColor,
          .domain = RandomDomain::kColorJitter,
          .in_policy = InPolicy,
          .check = Check,
          .sample = Sample,
          .check_record = CheckRecord,
          .apply = Apply,
          .applied = Applied,
          .set_identity = SetIdentity,
          .captions = Captions,
          .groups = {{"color", 4, DescribeColor}, {"color_diff", 3, DescribeColorDifference}},
          .copy_measured = CopyMeasured,
          .batch_domain = RandomDomain::kColorOrder,
          .sample_per_batch = SampleOrderOfBatch};
}

}  // namespace cassle
