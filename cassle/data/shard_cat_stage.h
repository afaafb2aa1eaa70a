// shard-cat: looks into shards. Prints their records, counts them, checks them, takes a picture
// out.
#ifndef CASSLE_DATA_SHARD_CAT_STAGE_H_
#define CASSLE_DATA_SHARD_CAT_STAGE_H_

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cassle/data/shard_cat_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

StageInfo ShardCatInfo();

// Does what the options say; `print` gets the text for stdout piece by piece.
// \error kInvalidArgument for options that do not go together; kNotFound for missing input or an
// --extract that is not there; kDataLoss naming file, record and offset for damage.
absl::Status ShardCat(const v1::ShardCatOptions& options,
                      absl::FunctionRef<absl::Status(absl::string_view)> print);

// ShardCat to stdout.
// \error also kResourceExhausted if stdout cannot be written.
absl::Status RunShardCat(const v1::ShardCatOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_DATA_SHARD_CAT_STAGE_H_
