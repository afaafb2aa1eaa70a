#include "cassle/augment/operations/operations.h"

#include "cassle/augment/operations/angle_rotation.h"
#include "cassle/augment/operations/color_drop.h"
#include "cassle/augment/operations/color_jitter.h"
#include "cassle/augment/operations/cutout.h"
#include "cassle/augment/operations/evaluation_crop.h"
#include "cassle/augment/operations/flip.h"
#include "cassle/augment/operations/gaussian_blur.h"
#include "cassle/augment/operations/gaussian_noise.h"
#include "cassle/augment/operations/grayscale.h"
#include "cassle/augment/operations/quarter_turn.h"
#include "cassle/augment/operations/random_resized_crop.h"
#include "cassle/augment/operations/solarize.h"
#include "cassle/augment/operations/vertical_flip.h"

namespace cassle {

const std::vector<Operation>& Operations() {
  static const auto& operations = *new std::vector<Operation>{
      RandomResizedCropOperation(), EvaluationCropOperation(), FlipOperation(),
      VerticalFlipOperation(),      ColorJitterOperation(),    SolarizeOperation(),
      GrayscaleOperation(),         ColorDropOperation(),      GaussianBlurOperation(),
      SolarizeAfterBlurOperation(), QuarterTurnOperation(),    AngleRotationOperation(),
      GaussianNoiseOperation(),     CutoutOperation(),
  };
  return operations;
}

const Operation& FillOf(const v1::ViewRecord& record) {
  static const std::vector<const Operation*>& fills = *[] {
    auto* filling = new std::vector<const Operation*>;
    for (const Operation& operation : Operations()) {
      if (operation.fill.has_value()) filling->push_back(&operation);
    }
    return filling;
  }();
  for (size_t i = fills.size() - 1; i > 0; --i) {
    if (fills[i]->fill->source_box(record).height > 0) return *fills[i];
  }
  return *fills[0];
}

const google::protobuf::Message& SettingsOf(const Operation& operation, const v1::Policy& policy) {
  const auto* field = policy.GetDescriptor()->FindFieldByName(std::string(operation.name));
  return policy.GetReflection()->GetMessage(policy, field);
}

}  // namespace cassle
