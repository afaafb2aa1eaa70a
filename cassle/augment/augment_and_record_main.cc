// augment-and-record: see augment_and_record.h.
#include "cassle/augment/augment_and_record.h"
#include "cassle/base/stage_main.h"

int main(int argc, char** argv) {
  return cassle::StageMain(argc, argv, cassle::AugmentAndRecordInfo(), cassle::RunAugmentAndRecord);
}
