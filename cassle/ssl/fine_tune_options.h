// The options of fine-tune: which must be there, and what stands for those that are not given.
#ifndef CASSLE_SSL_FINE_TUNE_OPTIONS_H_
#define CASSLE_SSL_FINE_TUNE_OPTIONS_H_

#include "absl/status/status.h"
#include "cassle/models/networks/model.pb.h"
#include "cassle/ssl/fine_tune_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

// \error kInvalidArgument naming the option that is missing, or has no meaning without another.
absl::Status CheckFineTuneOptions(const v1::FineTuneOptions& options, const StageContext& context);

// Fills in the defaults that depend on other options or on the model.
void ResolveFineTuneOptions(const v1::ModelSpec& spec, v1::FineTuneOptions* options);

}  // namespace cassle

#endif  // CASSLE_SSL_FINE_TUNE_OPTIONS_H_
