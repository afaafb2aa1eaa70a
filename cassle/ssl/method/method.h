// Method: a self-supervised objective with everything it owns (networks, momentum networks, queue).
// The training loop knows nothing else:
//
//   // method_registry.h, make_optimizer.h
//   CASSLE_ASSIGN_OR_RETURN(std::unique_ptr<Method> method, MakeMethod(config, setup));
//   auto optimizer = MakeOptimizer(training, method->parameter_groups());
//   for (...) {
//     method->set_progress(epoch, epochs);
//     optimizer->ZeroGrad();
//     MethodOutput output = method->Forward(batch);
//     output.loss.backward();
//     optimizer->Step(rates);
//     method->AfterStep();
//   }
//
// Not thread-safe. Forward throws c10::Error if shapes do not fit.
#ifndef CASSLE_SSL_METHOD_METHOD_H_
#define CASSLE_SSL_METHOD_METHOD_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/conditioning.pb.h"
#include "cassle/models/networks/module.h"
#include "cassle/runtime/precision_scope.h"
#include "cassle/ssl/method/augself.pb.h"
#include "cassle/ssl/method/equimod.pb.h"
#include "cassle/ssl/optimizers/optimizer.h"

namespace cassle {

class ConditionedProjector;
class Team;

// One view of every image of a batch. Views of a multi-crop policy differ in S.
struct View {
  // [B, 3, S, S] float32, normalised, channels-last; on one of several ranks (MethodSetup.team) its
  // own rows of B.
  at::Tensor images;
  // [B, D] float32: what was done to each image; D is 0 without conditioning.
  at::Tensor descriptors;
  // [B, R] float32, only where something compares two views (AugSelf, EquiMod, SIE), and only of
  // the first two: the view relative to the other, MethodSetup.relative_groups side by side.
  at::Tensor relative = {};
};

// A group of a relative descriptor (DescriptorLayout::DescribeRelative), and its number of values.
struct RelativeGroup {
  std::string name;
  int64_t size = 0;
};

struct Batch {
  // In the order of the policy; Method::num_views() of them.
  std::vector<View> views;
  // [B] int64, classes of the images, -1 for an image without; undefined where nothing provides
  // them. Read by methods that use labels only.
  at::Tensor labels = {};
};

// What every method is built from.
struct MethodSetup {
  // Makes a freshly initialised backbone: the same one each time.
  std::function<absl::StatusOr<std::shared_ptr<Backbone>>()> make_backbone;
  // Gives a fresh projector the weights that it starts from; empty: it stays as it was drawn.
  std::function<absl::Status(ConditionedProjector*)> load_projector = nullptr;
  v1::ConditioningConfig conditioning;
  // D of View.descriptors.
  int64_t descriptor_size = 0;
  int64_t batch_size = 0;
  // Images of one Forward: fewer than batch_size with gradient accumulation. 0: batch_size.
  int64_t part_size = 0;
  // Views per image for a method that takes all there are: those that the policy fixes, else 2.
  int num_views = 2;
  // Of Batch.labels; 0: there are no labels.
  int64_t num_classes = 0;
  uint64_t seed = 0;
  Precision precision = Precision::kFloat32;
  // Beside the method's own objective; without a weight: nothing.
  v1::AugSelfConfig augself;
  v1::EquiModConfig equimod;
  // What View.relative holds, side by side: all that augself, equimod and the method name.
  std::vector<RelativeGroup> relative_groups;
  // Those that train together; null: this process alone. Then View.images holds the own rows of a
  // batch, everything else of it all rows.
  Team* team = nullptr;
  // compat: OFFICIAL. Settings that are not chosen follow the authors' code where it differs from
  // the papers.
  bool official = false;
};

// How a method is optimised unless the run chooses otherwise.
struct Recipe {
  v1::OptimizerKind optimizer = v1::SGD;
  // Epochs in which the learning rate rises, before it falls along a cosine.
  int64_t warmup_epochs = 0;
  // Per 256 images; none: that of the optimiser.
  std::optional<double> base_lr = {};
  // None: that of the optimiser.
  std::optional<double> weight_decay = {};
  // None: the decay stays.
  std::optional<double> final_weight_decay = {};
  // Decay leaves out what has one dimension.
  bool exempt_biases = false;
  // Largest norm of all gradients together, or of each parameter's; 0: no limit.
  double clip_gradient_norm = 0;
  bool clip_each_parameter = false;
};

struct MethodOutput {
  // Scalar, float32; backward() fills the gradients of trained_parameters().
  at::Tensor loss;
  // [B, P] float32, detached: the projections of views 1 and 2, for monitors.
  at::Tensor z1, z2;
  // [B, F] float32, with gradient where the backbone is trained on them: its features of views 1
  // and 2, for AugSelf and EquiMod.
  at::Tensor features1, features2;
};

class Method {
 public:
  // A network of the method. Name: "backbone", "projector", "momentum_backbone", ...
  struct Network {
    std::string name;
    Module* module;
    // By gradients.
    bool trained;
  };

  virtual ~Method() = default;

  // Where the run is, for schedules of the method's own (momentum): `epoch` of `epochs` are done.
  // The loop tells it before every Forward; 0 at first.
  void set_progress(double epoch, double epochs = 1) {
    epoch_ = epoch;
    epochs_ = epochs;
  }

  // The loss of a batch. With gradient accumulation there are several calls, each with a part of
  // the batch, before AfterStep: what that needs of them is kept of all (step_rows.h).
  virtual MethodOutput Forward(const Batch& batch) = 0;

  // After every optimiser step: momentum networks, queues.
  virtual void AfterStep() = 0;

  // All networks. "backbone" (a Backbone) and "projector" (a ConditionedProjector) are what a
  // finished run saves.
  virtual std::vector<Network> networks() const = 0;

  // State outside the networks, e.g. the queue. Handles.
  virtual std::vector<NamedTensor> other_state() const { return {}; }

  // Views per image that Forward takes: of a policy that fixes more, the first ones.
  virtual int num_views() const { return 2; }

  // How many classes there are of the labels that Forward needs of every image; 0: it needs none.
  virtual int64_t num_classes() const { return 0; }
  bool uses_labels() const { return num_classes() > 0; }

  // All trained parameters, by learning rate.
  std::vector<ParameterGroup> parameter_groups() const {
    return GroupParameters(trained_parameters());
  }

  // `parameters`, trained ones of the method and of what trains beside it, by learning rate. One
  // group unless the method says otherwise.
  virtual std::vector<ParameterGroup> GroupParameters(
      const std::vector<NamedTensor>& parameters) const {
    return {{parameters}};
  }

  // The networks of these names. Throw c10::Error if the method has none.
  Backbone& backbone() const;
  ConditionedProjector& projector() const;

  // Parameters of the trained networks, named "backbone.conv1.weight".
  std::vector<NamedTensor> trained_parameters() const;

  // Everything a checkpoint keeps of the method: parameters and buffers of all networks, and
  // other_state().
  std::vector<NamedTensor> state() const;

 protected:
  // Epochs done, and those of the whole run.
  double epoch() const { return epoch_; }
  double epochs() const { return epochs_; }
  // The part of the run that is done, 0 to 1.
  double progress() const { return epoch_ / epochs_; }

 private:
  double epoch_ = 0;
  double epochs_ = 1;
};

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_METHOD_H_
