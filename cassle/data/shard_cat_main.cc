// shard-cat: looks into shards. See cassle/data/shard_cat.h.
#include "cassle/base/stage_main.h"
#include "cassle/data/shard_cat.h"

int main(int argc, char** argv) {
  return cassle::StageMain<cassle::v1::ShardCatOptions>(argc, argv, cassle::ShardCatInfo(),
                                                        cassle::RunShardCat);
}
