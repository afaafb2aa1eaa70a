#include "cassle/augment/operations/flip.h"

#include "cassle/augment/operations/switch_operation.h"

namespace cassle {
namespace {

struct FlipSwitch {
  static constexpr char kName[] = "flip";
  static constexpr char kLabel[] = "flip";
  static constexpr Work kWork = Work::kCrop;
  static constexpr RandomDomain kDomain = RandomDomain::kFlip;
  static bool InPolicy(const v1::Policy& policy) { return policy.has_flip(); }
  static double Probability(const v1::Policy& policy) { return policy.flip().probability(); }
  static bool Get(const v1::ViewRecord& record) { return record.flipped(); }
  static void Set(bool applied, v1::ViewRecord* record) { record->set_flipped(applied); }
  static void Apply(FloatImage* image) { FlipHorizontally(image); }
};

}  // namespace

Operation FlipOperation() { return SwitchOperation<FlipSwitch>(); }

}  // namespace cassle
