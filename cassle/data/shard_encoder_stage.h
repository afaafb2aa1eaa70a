// Stage shard-encoder: images of any layout -> a data set folder (cassle/data/records/dataset.h).
#ifndef CASSLE_DATA_SHARD_ENCODER_STAGE_H_
#define CASSLE_DATA_SHARD_ENCODER_STAGE_H_

#include "absl/status/status.h"
#include "cassle/data/shard_encoder_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

StageInfo ShardEncoderInfo();

// Decodes every image once and writes the shards, dataset.textproto and quarantine.csv (split, key
// and reason of every image left out) into context.output_dir(), or the records as TFRecords to
// stdout when streaming. Same bytes for any number of threads.
// \error kInvalidArgument for options out of range; kNotFound for missing input; kDataLoss or
// kFailedPrecondition, naming the first bad file, if more than --max_bad_fraction of the images are
// bad, there are none, or a label has no class; kResourceExhausted if the disk is full.
absl::Status RunShardEncoder(const v1::ShardEncoderOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_DATA_SHARD_ENCODER_STAGE_H_
