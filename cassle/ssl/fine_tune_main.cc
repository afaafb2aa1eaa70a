#include "cassle/base/stage_main.h"
#include "cassle/ssl/fine_tune.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::FineTuneOptions>(argc, argv, cassle::FineTuneInfo(),
                                                        cassle::RunFineTune);
}
