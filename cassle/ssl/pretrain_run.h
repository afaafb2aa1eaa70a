// What a pretraining run is made of: data, policy, method with its networks. One step away from
// training, and from everything that stands in the model folder.
#ifndef CASSLE_SSL_PRETRAIN_RUN_H_
#define CASSLE_SSL_PRETRAIN_RUN_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/augment/operations/policy.pb.h"
#include "cassle/data/records/dataset.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/model.pb.h"
#include "cassle/runtime/ranks/team.h"
#include "cassle/ssl/method/method.h"
#include "cassle/ssl/pretrain_options.pb.h"

namespace cassle {

struct PretrainRun {
  // Complete: what was not chosen is filled in.
  v1::PretrainOptions options;
  // Null when recorded pixels are all there is.
  std::shared_ptr<const Dataset> images;
  v1::Policy policy;
  v1::BackboneConfig backbone;
  // Descriptor groups the projector is told; empty without conditioning.
  std::vector<std::string> groups;
  // Their descriptor of an image that nothing was done to.
  std::vector<float> unaugmented;
  // Groups the features have to tell; empty without AugSelf.
  std::vector<std::string> augself;
  // Groups by which one view is predicted from the other; empty without EquiMod.
  std::vector<std::string> equimod;
  // Groups by which the method itself compares two views; empty for most methods.
  std::vector<std::string> compared;
  // Those of all three: how views are described relative to each other.
  std::vector<std::string> relative_groups;
  std::unique_ptr<Method> method;
  std::function<absl::StatusOr<std::shared_ptr<Backbone>>()> make_backbone;
  // With --initial_model: its description, and what should be known of starting from it.
  std::optional<v1::ModelSpec> initial;
  std::string initial_weights_fingerprint;
  std::vector<std::string> notes;
};

// Opens the data and makes the networks.
//   team  Those that train together; null: this process alone.
// \error kInvalidArgument naming the option that does not fit the data, the policy or the method;
// those of opening the data.
absl::StatusOr<PretrainRun> BuildRun(const v1::PretrainOptions& options, Team* team);

// "moco_v2, conditioning mlp (color, crop), 10 epochs": the run in a few words, after those of the
// initial model if there is one: "torchvision, supervised, then moco_v2, ...".
std::string Provenance(const PretrainRun& run);

// What evaluation needs to know beside the weights.
v1::ModelSpec ModelSpecOf(const PretrainRun& run);

// After training: what evaluation shall put into the image channels of the conditioning, namely the
// descriptor of an image that nothing was done to, or its embedding.
void FixImageChannels(PretrainRun* run);

}  // namespace cassle

#endif  // CASSLE_SSL_PRETRAIN_RUN_H_
