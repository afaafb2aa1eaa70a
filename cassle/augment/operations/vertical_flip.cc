#include "cassle/augment/operations/vertical_flip.h"

#include <algorithm>

#include "cassle/augment/operations/switch_operation.h"

namespace cassle {
namespace {

struct VerticalFlipSwitch {
  static constexpr char kName[] = "vertical_flip";
  static constexpr char kLabel[] = "flip vert.";
  static constexpr Work kWork = Work::kCrop;
  static constexpr RandomDomain kDomain = RandomDomain::kVerticalFlip;
  static bool InPolicy(const v1::Policy& policy) { return policy.has_vertical_flip(); }
  static double Probability(const v1::Policy& policy) {
    return policy.vertical_flip().probability();
  }
  static bool Get(const v1::ViewRecord& record) { return record.flipped_vertically(); }
  static void Set(bool applied, v1::ViewRecord* record) { record->set_flipped_vertically(applied); }
  static void Apply(FloatImage* image) { FlipVertically(image); }
};

}  // namespace

void FlipVertically(FloatImage* image) {
  for (int c = 0; c < 3; ++c) {
    float* top = image->plane(c);
    float* bottom = top + image->plane_size() - image->width;
    for (; top < bottom; top += image->width, bottom -= image->width) {
      std::swap_ranges(top, top + image->width, bottom);
    }
  }
}

Operation VerticalFlipOperation() { return SwitchOperation<VerticalFlipSwitch>(); }

}  // namespace cassle
