// Method: a self-supervised objective with everything it owns (networks, momentum networks, queue).
// The training loop knows nothing else:
//
//   CASSLE_ASSIGN_OR_RETURN(std::unique_ptr<Method> method, MakeMethod(config, setup));   //
//   method_registry.h Sgd optimizer(method->trained_parameters(), {}); for (...) {
//     MethodOutput output = method->Forward(views);
//     output.loss.backward();
//     optimizer.Step(learning_rate);
//     method->AfterStep();
//   }
//
// Not thread-safe. Forward throws c10::Error if shapes do not fit.
#ifndef CASSLE_SSL_METHOD_H_
#define CASSLE_SSL_METHOD_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/models/backbone.h"
#include "cassle/models/conditioning.pb.h"
#include "cassle/models/module.h"

namespace cassle {

// One view of every image of a batch.
struct View {
  // [B, 3, S, S] float32, normalised, channels-last.
  at::Tensor images;
  // [B, D] float32: what was done to each image; D is 0 without conditioning.
  at::Tensor descriptors;
};

enum class Precision {
  kFloat32,
  // Networks compute in bfloat16 where autocast allows; parameters, batch norm statistics and
  // losses stay float32.
  kBfloat16,
};

// What every method is built from.
struct MethodSetup {
  // Makes a freshly initialised backbone: the same one each time.
  std::function<absl::StatusOr<std::shared_ptr<Backbone>>()> make_backbone;
  v1::ConditioningConfig conditioning;
  // D of View.descriptors.
  int64_t descriptor_size = 0;
  int64_t batch_size = 0;
  uint64_t seed = 0;
  Precision precision = Precision::kFloat32;
};

struct MethodOutput {
  // Scalar, float32; backward() fills the gradients of trained_parameters().
  at::Tensor loss;
  // [B, P] float32, detached: the projections of views 1 and 2, for monitors.
  at::Tensor z1, z2;
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

  // The loss of a batch, views in the order of the loader.
  virtual MethodOutput Forward(const std::vector<View>& views) = 0;

  // After every optimiser step: momentum networks, queues.
  virtual void AfterStep() = 0;

  // All networks. "backbone" and "projector" are what a finished run saves.
  virtual std::vector<Network> networks() const = 0;

  // State outside the networks, e.g. the queue. Handles.
  virtual std::vector<NamedTensor> other_state() const { return {}; }

  // Views per image that Forward needs.
  virtual int num_views() const { return 2; }

  // Parameters of the trained networks, named "backbone.conv1.weight".
  std::vector<NamedTensor> trained_parameters() const;

  // Everything a checkpoint keeps of the method: parameters and buffers of all networks, and
  // other_state().
  std::vector<NamedTensor> state() const;
};

}  // namespace cassle

#endif  // CASSLE_SSL_METHOD_H_
