// few-shot: what a handful of images per class is enough for. See few_shot_stage.h.
#include "cassle/base/stage_main.h"
#include "cassle/eval/few_shot_stage.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::FewShotOptions>(argc, argv, cassle::kFewShotInfo,
                                                       cassle::RunFewShot);
}
