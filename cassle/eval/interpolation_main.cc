#include "cassle/base/stage_main.h"
#include "cassle/eval/interpolation_stage.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::InterpolationOptions>(
      argc, argv, cassle::InterpolationInfo(), cassle::RunInterpolation);
}
