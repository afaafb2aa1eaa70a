// How the views of a model's training were drawn, and what its projector was told of them.
#ifndef CASSLE_FEATURES_TRAINING_VIEWS_H_
#define CASSLE_FEATURES_TRAINING_VIEWS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/augment/operations/policy.pb.h"
#include "cassle/augment/views/descriptor.h"
#include "cassle/features/frozen_encoder.h"

namespace cassle {

struct TrainingViews {
  v1::Policy policy;
  // Of the descriptors that the projector reads; empty if it reads none.
  DescriptorLayout layout;
};

struct TrainingViewsOptions {
  // Model folder of pretrain or import-weights.
  std::string model;
  // A preset, or a text proto, instead of the policy that the folder names. At most one.
  std::string policy;
  std::string policy_file;
  // Descriptor groups that the projector was told, for folders that do not say. Empty: all that the
  // policy has.
  std::vector<std::string> groups;
};

// Of the folder that `encoder` was loaded from.
// \error kInvalidArgument for a policy that is wrong, or if neither folder nor options name one;
// kDataLoss if the folder's is damaged;
// kFailedPrecondition if the projector was told another number of values than the groups of the
// policy have, or how two views differ from each other.
absl::StatusOr<TrainingViews> LoadTrainingViews(const TrainingViewsOptions& options,
                                                const FrozenEncoder& encoder);

// Fingerprint of how an image becomes features as a view of this policy; the encoder's own is of
// images as evaluation sees them.
std::string ViewsFingerprint(const FrozenEncoder& encoder, const v1::Policy& policy);

}  // namespace cassle

#endif  // CASSLE_FEATURES_TRAINING_VIEWS_H_
