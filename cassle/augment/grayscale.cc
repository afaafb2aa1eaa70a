#include "cassle/augment/grayscale.h"

#include "cassle/augment/switch_operation.h"

namespace cassle {
namespace {

struct GrayscaleSwitch {
  static constexpr char kName[] = "grayscale";
  static constexpr char kLabel[] = "grayscale";
  static constexpr RandomDomain kDomain = RandomDomain::kGrayscale;
  static bool InPolicy(const v1::Policy& policy) { return policy.has_grayscale(); }
  static double Probability(const v1::Policy& policy) { return policy.grayscale().probability(); }
  static bool Get(const v1::ViewRecord& record) { return record.grayscale(); }
  static void Set(bool applied, v1::ViewRecord* record) { record->set_grayscale(applied); }
  static void Apply(FloatImage* image) { ToGrayscale(image); }
};

}  // namespace

void ToGrayscale(FloatImage* image) {
  float* __restrict red = image->plane(0);
  float* __restrict green = image->plane(1);
  float* __restrict blue = image->plane(2);
  const int64_t count = image->plane_size();
  for (int64_t i = 0; i < count; ++i) {
    const float gray = 0.299f * red[i] + 0.587f * green[i] + 0.114f * blue[i];
    red[i] = gray;
    green[i] = gray;
    blue[i] = gray;
  }
}

Operation GrayscaleOperation() { return SwitchOperation<GrayscaleSwitch>(); }

}  // namespace cassle
