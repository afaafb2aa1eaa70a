// Parts: an output of augment-and-record that several runs make together, each of them some of its
// shards (--shard_index, --num_shards), and their union (--merge).
//
// A part is a complete stage output of its own. Its shards have the names and bytes that they have
// in the whole, so the union links files and writes what a single run would have written.
#ifndef CASSLE_AUGMENT_RECORDING_VIEW_PARTS_H_
#define CASSLE_AUGMENT_RECORDING_VIEW_PARTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/augment/recording/views.pb.h"
#include "cassle/stage/stage.pb.h"

namespace cassle {

// Part `index` of `count`: consecutive shards, so that a part reads consecutive images. Parts
// differ by at most one shard.
// \error kInvalidArgument if there are fewer shards than parts: some would have nothing to do.
absl::StatusOr<v1::ViewsPart> PartOfShards(int64_t total_shards, int64_t index, int64_t count);

// Links the shards of all parts into `folder`, named as a ViewShardWriter that was interrupted
// leaves them. Shards that an earlier run left there are removed.
//   folders   parts, or folders that hold nothing but parts
//   expected  what the single run would be: stage, version, options, inputs
// \error kNotFound if a folder or a part is missing; kFailedPrecondition if one is there twice, or
// is no part of this output (naming the first option that differs); kDataLoss if one is damaged.
absl::Status LinkParts(const std::vector<std::string>& folders, const v1::StageManifest& expected,
                       const std::string& folder);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_RECORDING_VIEW_PARTS_H_
