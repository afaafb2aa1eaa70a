#include "cassle/augment/operations/color_drop.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cassle/augment/pixels/color_steps.h"
#include "cassle/augment/pixels/pixel_noise.h"

namespace cassle {
namespace {

constexpr const char* kChannelNames[] = {"red", "green", "blue"};

bool InPolicy(const v1::Policy& policy) { return policy.has_color_drop(); }

absl::Status Check(const v1::Policy& policy) {
  return CheckProbability("color_drop.probability", policy.color_drop().probability());
}

void Sample(const v1::Policy& policy, Philox& random, v1::ViewRecord* record) {
  if (!random.Bernoulli(policy.color_drop().probability())) return;
  v1::ColorDropParameters* parameters = record->mutable_color_drop();
  parameters->set_kept_channel(random.Below(3));
  parameters->set_noise_key(random.NextUint64());
  for (double mean : policy.mean()) parameters->add_center(static_cast<float>(mean));
}

absl::Status CheckRecord(const v1::ViewRecord& record) {
  if (!record.has_color_drop()) return absl::OkStatus();
  const v1::ColorDropParameters& drop = record.color_drop();
  if (drop.kept_channel() > 2 || !IsColor(drop.center())) {
    return absl::DataLossError(absl::StrCat(
        "colour drop keeps channel ", drop.kept_channel(), " and has ", drop.center_size(),
        " centres: channels 0 to 2 and 3 centres in [0, 1] are possible"));
  }
  return absl::OkStatus();
}

absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  if (!record->has_color_drop()) return absl::OkStatus();
  const v1::ColorDropParameters& drop = record->color_drop();
  DropColors(drop.kept_channel(), {drop.center(0), drop.center(1), drop.center(2)},
             drop.noise_key(), &canvas->image);
  return absl::OkStatus();
}

bool Applied(const v1::ViewRecord& record) { return record.has_color_drop(); }

void SetIdentity(const v1::Policy&, v1::ViewRecord* record) { record->clear_color_drop(); }

std::vector<Caption> Captions(const v1::Policy&, const v1::ViewRecord& record) {
  if (!Applied(record)) return {{"color kept", ""}};
  return {{"color kept", kChannelNames[std::min(record.color_drop().kept_channel(), 2u)]}};
}

void Describe(const v1::Policy&, const v1::ViewRecord& record, float* out) {
  for (uint32_t c = 0; c < 3; ++c) {
    out[c] = record.has_color_drop() && record.color_drop().kept_channel() == c ? 1.0f : 0.0f;
  }
}

}  // namespace

void DropColors(int kept_channel, const std::array<float, 3>& center, uint64_t key,
                FloatImage* image) {
  const int64_t count = image->plane_size();
  const float* kept = image->plane(kept_channel);
  ChannelMeans means;
  RunColorSteps({}, image, &means, nullptr);
  const double mean = means[kept_channel];
  double squares = 0.0;
  for (int64_t i = 0; i < count; ++i) squares += (kept[i] - mean) * (kept[i] - mean);
  const float sigma = static_cast<float>(0.01 * std::sqrt(squares / std::max<int64_t>(count, 1)));
  for (int c = 0; c < 3; ++c) {
    if (c == kept_channel) continue;
    float* plane = image->plane(c);
    std::fill(plane, plane + count, center[c]);
    AddNoise(key, static_cast<uint32_t>(c), sigma, count, plane);
    for (int64_t i = 0; i < count; ++i) plane[i] = std::min(std::max(plane[i], 0.0f), 1.0f);
  }
}

Operation ColorDropOperation() {
  return {.name = "color_drop",
          .work = Work::kColor,
          .domain = RandomDomain::kColorDrop,
          .in_policy = InPolicy,
          .check = Check,
          .sample = Sample,
          .check_record = CheckRecord,
          .apply = Apply,
          .applied = Applied,
          .set_identity = SetIdentity,
          .captions = Captions,
          .groups = {{"color_drop", 3, Describe}},
          .uses_mean = InPolicy};
}

}  // namespace cassle
