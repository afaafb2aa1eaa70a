#include "cassle/augment/operations/angle_rotation.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr double kPi = 3.14159265358979323846;

bool InPolicy(const v1::Policy& policy) { return policy.has_angle_rotation(); }

absl::Status Check(const v1::Policy& policy) {
  const v1::AngleRotationPolicy& rotation = policy.angle_rotation();
  CASSLE_RETURN_IF_ERROR(CheckRange("angle_rotation", "degrees", rotation.degrees_min(),
                                    rotation.degrees_max(), -180.0, 180.0));
  return CheckProbability("angle_rotation.probability", rotation.probability());
}

void Sample(const v1::Policy& policy, Philox& random, v1::ViewRecord* record) {
  const v1::AngleRotationPolicy& rotation = policy.angle_rotation();
  if (!random.Bernoulli(rotation.probability())) return;
  record->mutable_angle_rotation()->set_degrees(
      static_cast<float>(random.Uniform(rotation.degrees_min(), rotation.degrees_max())));
}

absl::Status CheckRecord(const v1::ViewRecord& record) {
  const float degrees = record.angle_rotation().degrees();
  if (std::fabs(degrees) <= 360.0f) return absl::OkStatus();
  return absl::DataLossError(
      absl::StrCat("rotation by ", degrees, " degrees: -360 to 360 is possible"));
}

absl::Status Apply(v1::ViewRecord* record, Canvas* canvas) {
  if (!record->has_angle_rotation()) return absl::OkStatus();
  RotateCounterClockwise(record->angle_rotation().degrees(), &canvas->scratch, &canvas->image);
  return absl::OkStatus();
}

bool Applied(const v1::ViewRecord& record) { return record.has_angle_rotation(); }

void SetIdentity(const v1::Policy&, v1::ViewRecord* record) {
  record->mutable_angle_rotation()->set_degrees(0.0f);
}

std::vector<Caption> Captions(const v1::Policy& policy, const v1::ViewRecord& record) {
  if (!Applied(record)) return {{"angle deg", ""}};
  const double degrees = record.angle_rotation().degrees();
  const v1::AngleRotationPolicy& range = policy.angle_rotation();
  // As many letters as there is room for.
  const std::string value = absl::StrFormat(std::abs(degrees) < 99.95 ? "%+.1f" : "%+.0f", degrees);
  return {{"angle deg", value, std::min(range.degrees_min(), 0.0), 0.0,
           std::max(range.degrees_max(), 0.0), degrees}};
}

void Describe(const v1::Policy&, const v1::ViewRecord& record, float* out) {
  out[0] = record.angle_rotation().degrees() / 180.0f;
}

// Sine and cosine by their series, exact at multiples of 90 degrees. (Results of the C library
// differ in the last bit between processors with and without fused multiplication.)
void SineCosine(double degrees, double* sine, double* cosine) {
  const double quarters = std::nearbyint(degrees / 90.0);
  const double x = (degrees - 90.0 * quarters) * (kPi / 180.0);  // at most pi / 4
  const double x2 = x * x;
  double s = 0.0;
  double c = 0.0;
  for (int k = 8; k >= 1; --k) {
    s = (1.0 + s) * (-x2 / ((2 * k) * (2 * k + 1)));
    c = (1.0 + c) * (-x2 / ((2 * k - 1) * (2 * k)));
  }
  s = x * (1.0 + s);
  c = 1.0 + c;
  const int quadrant = static_cast<int>(quarters) & 3;
  *sine = quadrant == 0 ? s : (quadrant == 1 ? c : (quadrant == 2 ? -s : -c));
  *cosine = quadrant == 0 ? c : (quadrant == 1 ? -s : (quadrant == 2 ? -c : s));
}

// Exact where a == b and where fraction is 0.
float Between(float a, float b, float fraction) { return a + fraction * (b - a); }

int Reflect(int index, int size) {
  if (size == 1) return 0;
  const int period = 2 * (size - 1);
  index %= period;
  if (index < 0) index += period;
  return index < size ? index : period - index;
}

}  // namespace

void RotateCounterClockwise(float degrees, std::vector<float>* scratch, FloatImage* image) {
  if (degrees == 0.0f) return;
  double sine, cosine;
  SineCosine(degrees, &sine, &cosine);
  const int size = image->width;
  const double centre = (size - 1) / 2.0;
  const int64_t plane_size = image->plane_size();
  scratch->assign(image->values.begin(), image->values.end());
  for (int y = 0; y < size; ++y) {
    const double dy = y - centre;
    for (int x = 0; x < size; ++x) {
      const double dx = x - centre;
      const double from_y = centre + (sine * dx + cosine * dy);
      const double from_x = centre + (cosine * dx - sine * dy);
      const double top = std::floor(from_y);
      const double left = std::floor(from_x);
      const float down = static_cast<float>(from_y - top);
      const float right = static_cast<float>(from_x - left);
      const int64_t row0 = int64_t{Reflect(static_cast<int>(top), size)} * size;
      const int64_t row1 = int64_t{Reflect(static_cast<int>(top) + 1, size)} * size;
      const int column0 = Reflect(static_cast<int>(left), size);
      const int column1 = Reflect(static_cast<int>(left) + 1, size);
      for (int c = 0; c < 3; ++c) {
        const float* source = scratch->data() + c * plane_size;
        const float above = Between(source[row0 + column0], source[row0 + column1], right);
        const float below = Between(source[row1 + column0], source[row1 + column1], right);
        image->plane(c)[int64_t{y} * size + x] = Between(above, below, down);
      }
    }
  }
}

Operation AngleRotationOperation() {
  return {.name = "angle_rotation",
          .work = Work::kOther,
          .domain = RandomDomain::kAngleRotation,
          .in_policy = InPolicy,
          .check = Check,
          .sample = Sample,
          .check_record = CheckRecord,
          .apply = Apply,
          .applied = Applied,
          .set_identity = SetIdentity,
          .captions = Captions,
          .groups = {{"angle_rotation", 1, Describe}}};
}

}  // namespace cassle
