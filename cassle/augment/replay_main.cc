// replay: see replay.h.
#include "cassle/augment/replay.h"
#include "cassle/base/stage_main.h"

int main(int argc, char** argv) {
  return cassle::StageMain(argc, argv, cassle::ReplayInfo(), cassle::RunReplay);
}
