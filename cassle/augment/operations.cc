#include "cassle/augment/operations.h"

#include "cassle/augment/color_jitter.h"
#include "cassle/augment/flip.h"
#include "cassle/augment/gaussian_blur.h"
#include "cassle/augment/grayscale.h"
#include "cassle/augment/quarter_turn.h"
#include "cassle/augment/random_resized_crop.h"
#include "cassle/augment/solarize.h"

namespace cassle {

const std::vector<Operation>& Operations() {
  static const auto& operations = *new std::vector<Operation>{
      RandomResizedCropOperation(), FlipOperation(),      ColorJitterOperation(),
      SolarizeOperation(),          GrayscaleOperation(), GaussianBlurOperation(),
      QuarterTurnOperation(),
  };
  return operations;
}

}  // namespace cassle
