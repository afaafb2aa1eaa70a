// pretrain --input=shards --policy=cifar --method=moco_v2 --conditioning=mlp --epochs=20
// --output=run
#include "cassle/base/stage_main.h"
#include "cassle/ssl/pretrain.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::PretrainOptions>(argc, argv, cassle::PretrainInfo(),
                                                        cassle::RunPretrain);
}
