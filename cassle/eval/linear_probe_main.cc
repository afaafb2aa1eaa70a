// linear-probe: what a linear classifier finds in an encoder's features. See linear_probe_stage.h.
#include "cassle/base/stage_main.h"
#include "cassle/eval/linear_probe_stage.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::LinearProbeOptions>(argc, argv, cassle::kLinearProbeInfo,
                                                           cassle::RunLinearProbe);
}
