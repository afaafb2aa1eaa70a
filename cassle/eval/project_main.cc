// project: features as points of a plane. See project_stage.h.
#include "cassle/base/stage_main.h"
#include "cassle/eval/project_stage.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::ProjectOptions>(argc, argv, cassle::kProjectInfo,
                                                       cassle::RunProject);
}
