// What a finished training leaves: a model folder.
#ifndef CASSLE_SSL_TRAINING_TRAINED_MODEL_H_
#define CASSLE_SSL_TRAINING_TRAINED_MODEL_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/augment/operations/policy.pb.h"
#include "cassle/models/networks/model.pb.h"
#include "cassle/ssl/method/method.h"

namespace cassle {

// Writes weights.safetensors (backbone and projector), model.textproto, projector.textproto and
// policy.textproto (cassle/models/weights/model_folder.h, projector_folder.h).
//   groups  the descriptor groups that the projector is told; empty without conditioning.
absl::Status WriteTrainedModel(const Method& method, const v1::ModelSpec& spec,
                               const v1::Policy& policy, const std::vector<std::string>& groups,
                               const std::string& folder);

}  // namespace cassle

#endif  // CASSLE_SSL_TRAINING_TRAINED_MODEL_H_
