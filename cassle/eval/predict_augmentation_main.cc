#include "cassle/base/stage_main.h"
#include "cassle/eval/predict_augmentation_stage.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::PredictAugmentationOptions>(
      argc, argv, cassle::PredictAugmentationInfo(), cassle::RunPredictAugmentation);
}
