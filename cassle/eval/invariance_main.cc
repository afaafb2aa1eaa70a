#include "cassle/base/stage_main.h"
#include "cassle/eval/invariance_stage.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::InvarianceOptions>(argc, argv, cassle::InvarianceInfo(),
                                                          cassle::RunInvariance);
}
