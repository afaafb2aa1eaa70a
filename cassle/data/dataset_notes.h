// What is noteworthy of a data set that was encoded, whatever its layout.
#ifndef CASSLE_DATA_DATASET_NOTES_H_
#define CASSLE_DATA_DATASET_NOTES_H_

#include <cstdint>

#include "cassle/data/records/dataset.pb.h"
#include "cassle/data/shard_encoder_options.pb.h"
#include "cassle/data/sources/tally.h"

namespace cassle {

// Says in the tally: images that --limit left out, a val split that was to be drawn and is empty,
// classes without an image, and classes of another split that no image of train has, of which
// nothing can be learnt.
//   info        with its splits and their counts
//   over_limit  how many images --limit left out
void SayNotes(const v1::ShardEncoderOptions& options, const v1::DatasetInfo& info,
              int64_t over_limit, Tally* tally);

}  // namespace cassle

#endif  // CASSLE_DATA_DATASET_NOTES_H_
