// Where a training begins that does not begin at random: pretrain --initial_model.
//
// From the model come the backbone's weights and settings and the normalisation of its images; the
// projector only if asked for (--initial_projector). Momentum networks are copies of both, as in
// any run; predictors, queues and the optimiser are fresh.
#ifndef CASSLE_SSL_INITIAL_MODEL_H_
#define CASSLE_SSL_INITIAL_MODEL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/networks/model.pb.h"

namespace cassle {

// The description of the model, its backbone resolved.
// \error as ReadModelSpec; FailedPrecondition if its backbone takes more than R G B.
absl::StatusOr<v1::ModelSpec> ReadInitialSpec(const std::string& folder);

// The backbone of the run: the initial one, trained as `chosen` says (frozen_patch_embedding).
// \error InvalidArgument naming the first setting of `chosen` in which the two differ.
absl::StatusOr<v1::BackboneConfig> InitialBackbone(const v1::ModelSpec& initial,
                                                   const v1::BackboneConfig& chosen);

// The backbone with the initial weights, ready to be trained: the same each time.
//   config  as InitialBackbone returns it.
// \error as LoadBackbone.
absl::StatusOr<std::shared_ptr<Backbone>> LoadInitialBackbone(const std::string& folder,
                                                              const v1::BackboneConfig& config);

// Overwrites a fresh projector with the initial one.
//   groups  the descriptor groups that it is told.
// \error FailedPrecondition if the folder has no projector, or one that is told other groups;
// DataLoss if it is built otherwise.
absl::Status LoadInitialProjector(const std::string& folder, const std::vector<std::string>& groups,
                                  ConditionedProjector* projector);

// What a reader should know of where the run begins, a sentence each: whose images it normalises
// how, and another size of images.
//   size, mean, std  of the run's views, as the policy has them.
std::vector<std::string> InitialNotes(const v1::ModelSpec& initial, int size,
                                      const std::vector<double>& mean,
                                      const std::vector<double>& std);

}  // namespace cassle

#endif  // CASSLE_SSL_INITIAL_MODEL_H_
