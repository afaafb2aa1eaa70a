// What shard-encoder's options say of its source.
#ifndef CASSLE_DATA_SOURCE_ARGUMENTS_H_
#define CASSLE_DATA_SOURCE_ARGUMENTS_H_

#include "absl/status/statusor.h"
#include "cassle/data/shard_encoder_options.pb.h"
#include "cassle/data/sources/source.h"
#include "cassle/stage/stage.h"

namespace cassle {

// With a tally of their own, and without what tells of the reading.
//   context  must outlive them
// \error kNotFound or kDataLoss, naming the line, for the file of --classes.
absl::StatusOr<SourceArguments> MakeSourceArguments(const v1::ShardEncoderOptions& options,
                                                    const StageContext& context);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCE_ARGUMENTS_H_
