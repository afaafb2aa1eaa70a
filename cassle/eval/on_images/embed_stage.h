// The stage embed: every image of a split through a frozen encoder. The output is described in
// embeddings.h.
#ifndef CASSLE_EVAL_ON_IMAGES_EMBED_STAGE_H_
#define CASSLE_EVAL_ON_IMAGES_EMBED_STAGE_H_

#include "absl/status/status.h"
#include "cassle/eval/on_images/embed_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

// Name, version and summary for the harness; tests and main use the same.
StageInfo EmbedInfo();

// `options` with defaults applied, as the harness hands them over. Each thread decodes and computes
// whole batches, so the number of threads changes no byte, and nothing waits for a thread that is
// busy elsewhere.
//
// An untrained encoder (reinitialize) also runs in evaluation mode: its batch norms have the
// running statistics they were born with, mean 0 and variance 1.
//
// \error InvalidArgument for settings out of range or an unknown split; NotFound if model or data
// set are not there or not complete; DataLoss for an empty split, an image that cannot be decoded
// (naming its record), weights that do not fit, or a feature that is not finite (naming the image);
// Cancelled when interrupted.
absl::Status RunEmbed(const v1::EmbedOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_EMBED_STAGE_H_
