// A long training as a chain of links, each a stage output of its own that a build system can
// cache: one run with --stop_epoch, the next goes on from its output by --begin.
#ifndef CASSLE_SSL_TRAINING_LINKS_H_
#define CASSLE_SSL_TRAINING_LINKS_H_

#include "absl/status/status.h"
#include "cassle/ssl/pretrain_options.pb.h"
#include "cassle/stage/stage.pb.h"

namespace cassle {

// Whether the run may go on from options.begin(), if that is set. `birth` is that of the run.
// \error kInvalidArgument if stop_epoch is out of range; kFailedPrecondition if the link before has
// other settings or inputs (naming the first), is a finished run, or got further than stop_epoch.
absl::Status CheckLinks(const v1::PretrainOptions& options, const v1::StageManifest& birth);

}  // namespace cassle

#endif  // CASSLE_SSL_TRAINING_LINKS_H_
