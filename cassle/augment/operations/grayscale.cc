#include "cassle/augment/operations/grayscale.h"

#include "cassle/augment/operations/switch_operation.h"
#include "cassle/augment/pixels/color_steps.h"

namespace cassle {
namespace {

struct GrayscaleSwitch {
  static constexpr char kName[] = "grayscale";
  static constexpr char kLabel[] = "grayscale";
  static constexpr Work kWork = Work::kColor;
  static constexpr RandomDomain kDomain = RandomDomain::kGrayscale;
  static bool InPolicy(const v1::Policy& policy) { return policy.has_grayscale(); }
  static double Probability(const v1::Policy& policy) { return policy.grayscale().probability(); }
  static bool Get(const v1::ViewRecord& record) { return record.grayscale(); }
  static void Set(bool applied, v1::ViewRecord* record) { record->set_grayscale(applied); }
  static void Apply(FloatImage* image) { ToGrayscale(image); }
};

}  // namespace

void ToGrayscale(FloatImage* image) { RunColorSteps({{ColorStep::Kind::kGrayscale}}, image); }

Operation GrayscaleOperation() { return SwitchOperation<GrayscaleSwitch>(); }

}  // namespace cassle
