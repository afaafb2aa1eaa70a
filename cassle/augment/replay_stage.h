// The stage replay: checks recorded views against their images.
//
// Of every record (or of a sample) it draws the parameters again from the seed, makes the pixels
// again from the recorded parameters, and compares parameters, colour difference and, where they
// are stored, pixels (JPEG pixels are lossy: they are compared with the replayed view after the
// same compression, to within a few levels). The fingerprint over all replayed views lets two
// machines compare what they would train on without sharing a byte of it.
#ifndef CASSLE_AUGMENT_REPLAY_STAGE_H_
#define CASSLE_AUGMENT_REPLAY_STAGE_H_

#include "absl/status/status.h"
#include "cassle/augment/replay_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

StageInfo ReplayInfo();

// The result is set also when views differ.
// \error kDataLoss if a view differs, with the first difference, or if records or images are
// damaged; kFailedPrecondition if the views belong to another data set; kInvalidArgument for bad
// options; kNotFound for missing input.
absl::Status RunReplay(const v1::ReplayOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_REPLAY_STAGE_H_
