// regression: how well vectors can be read from features. See regression_stage.h.
#include "cassle/base/stage_main.h"
#include "cassle/eval/regression_stage.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::RegressionOptions>(argc, argv, cassle::kRegressionInfo,
                                                          cassle::RunRegressionStage);
}
