#include "cassle/augment/operations/quarter_turn.h"

#include "absl/strings/str_cat.h"

namespace cassle {
namespace {

bool InPolicy(const v1::Policy& policy) { return policy.has_rotation(); }

absl::Status Check(const v1::Policy& policy) {
  return CheckProbability("rotation.probability", policy.rotation().probability());
}

void Sample(const v1::Policy& policy, Philox& random, v1::ViewRecord* record) {
  const bool applied = random.Bernoulli(policy.rotation().probability());
  record->set_quarter_turns(applied ? random.Below(4) : 0);
}

absl::Status CheckRecord(const v1::ViewRecord& record) {
  if (record.quarter_turns() <= 3) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat(record.quarter_turns(), " quarter turns; there are 0 to 3"));
}

absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  TurnCounterClockwise(record->quarter_turns(), &canvas->scratch, &canvas->image);
  return absl::OkStatus();
}

bool Applied(const v1::ViewRecord& record) { return record.quarter_turns() % 4 != 0; }

void SetIdentity(const v1::Policy&, v1::ViewRecord* record) { record->set_quarter_turns(0); }

std::vector<Caption> Captions(const v1::Policy&, const v1::ViewRecord& record) {
  const int degrees = 90 * static_cast<int>(record.quarter_turns());
  return {{"turned", degrees > 0 ? absl::StrCat(degrees, " deg") : ""}};
}

void Describe(const v1::Policy&, const v1::ViewRecord& record, float* out) {
  out[0] = static_cast<float>(record.quarter_turns());
}

// AugSelf's class: which turn leads from view 2 to view 1.
void DescribeRelative(const ViewPair& pair, float* out) {
  out[0] =
      static_cast<float>((pair.record1.quarter_turns() + 4 - pair.record2.quarter_turns() % 4) % 4);
}

}  // namespace

void TurnCounterClockwise(int quarter_turns, std::vector<float>* scratch, FloatImage* image) {
  const int turns = quarter_turns & 3;
  if (turns == 0) return;
  const int size = image->width;
  const int last = size - 1;
  for (int c = 0; c < 3; ++c) {
    float* plane = image->plane(c);
    scratch->assign(plane, plane + image->plane_size());
    const float* source = scratch->data();
    for (int y = 0; y < size; ++y) {
      float* row = plane + int64_t{y} * size;
      for (int x = 0; x < size; ++x) {
        const int from_y = turns == 1 ? x : (turns == 2 ? last - y : last - x);
        const int from_x = turns == 1 ? last - y : (turns == 2 ? last - x : y);
        row[x] = source[int64_t{from_y} * size + from_x];
      }
    }
  }
}

Operation QuarterTurnOperation() {
  return {.name = "rotation",
          .work = Work::kOther,
          .domain = RandomDomain::kRotation,
          .in_policy = InPolicy,
          .check = Check,
          .sample = Sample,
          .check_record = CheckRecord,
          .apply = Apply,
          .applied = Applied,
          .set_identity = SetIdentity,
          .captions = Captions,
          .groups = {{"rotation", 1, Describe, DescribeRelative}}};
}

}  // namespace cassle
