// shard-encoder: images of any layout -> a data set folder. See cassle/data/shard_encoder.h.
#include "cassle/base/stage_main.h"
#include "cassle/data/shard_encoder.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::ShardEncoderOptions>(argc, argv, cassle::ShardEncoderInfo(),
                                                            cassle::RunShardEncoder);
}
