// sgd-probe: a linear layer on frozen features by SGD. See sgd_probe_stage.h.
#include "cassle/base/stage_main.h"
#include "cassle/eval/sgd_probe_stage.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::SgdProbeOptions>(argc, argv, cassle::kSgdProbeInfo,
                                                        cassle::RunSgdProbeStage);
}
