// Optimizer: turns gradients into steps, with one learning rate per group of parameters.
//
//   std::unique_ptr<Optimizer> optimizer =
//       MakeOptimizer(training, method->parameter_groups());   // make_optimizer.h
//   optimizer->ZeroGrad();
//   loss.backward();
//   optimizer->Step(GroupRates(optimizer->groups(), initial, rate_of_this_epoch));
//
// Not thread-safe.
#ifndef CASSLE_SSL_OPTIMIZERS_OPTIMIZER_H_
#define CASSLE_SSL_OPTIMIZERS_OPTIMIZER_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "cassle/models/networks/module.h"
#include "cassle/ssl/settings/optimizer.pb.h"

namespace cassle {

// Parameters that share a learning rate.
struct ParameterGroup {
  std::vector<NamedTensor> parameters;
  // Multiplies the run's learning rate.
  double rate_scale = 1;
  // The rate stays what it is at the start of the run (after a warm-up): no schedule.
  bool constant_rate = false;
};

struct WeightDecay {
  // >= 0
  double rate = 0;
  // Biases, batch norm and whatever else has one dimension do not decay.
  bool exempt_biases = false;
};

// The rate of every group.
//   initial    the run's full rate, before any schedule.
//   scheduled  the rate that the schedule gives now.
std::vector<double> GroupRates(const std::vector<ParameterGroup>& groups, double initial,
                               double scheduled);

// The learning rate per 256 images and the weight decay that an optimiser starts from when nothing
// is chosen: SGD as in the authors' CASSLE runs, AdamW as MoCo-v3 (Chen, Xie & He 2021), Adam
// alike but without decay, LARS as Barlow Twins (Zbontar et al. 2021).
double DefaultBaseLearningRate(v1::OptimizerKind kind);
double DefaultWeightDecay(v1::OptimizerKind kind);

class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  // Sets the gradients to none.
  void ZeroGrad();

  // Euclidean norm over the gradients of all parameters, 0 if there are none; not finite if one of
  // them is not.
  double GradientNorm() const;
  // The same as a scalar tensor where the gradients are, without waiting for it.
  at::Tensor GradientNormTensor() const;

  // Scales all gradients so that their norm, which is `norm` now (GradientNorm), is at most
  // `limit`; 0: no limit. Returns the norm that they have then.
  double ClipGradients(double norm, double limit);
  // The same for a norm that nobody waits for.
  void ClipGradients(const at::Tensor& norm, double limit);
  // Scales the gradient of each parameter by itself, so that its norm is at most `limit`; 0: no
  // limit.
  void ClipEachGradient(double limit);

  // From the next step on.
  void set_weight_decay(double rate) { decay_.rate = rate; }

  // One update; rates[i] is the learning rate of group i. Parameters without a gradient are left
  // alone. Overwrites the gradients. Throws c10::Error if the number of rates differs.
  void Step(const std::vector<double>& rates);

  const std::vector<ParameterGroup>& groups() const { return groups_; }

  // All the state there is, to be checkpointed. Handles.
  const std::vector<NamedTensor>& buffers() const { return buffers_; }

 protected:
  // The parameters of a group that have a gradient. buffers[k][i] is the k-th buffer of the i-th.
  struct Tensors {
    // Of each among all parameters of all groups.
    std::vector<int64_t> indices;
    std::vector<at::Tensor> parameters;
    std::vector<at::Tensor> gradients;
    std::vector<std::vector<at::Tensor>> buffers;
  };

  // Keeps references to the parameters, which stay where they are. Every parameter gets a buffer of
  // its shape, of zeros, for each suffix, named parameter name + suffix.
  Optimizer(std::vector<ParameterGroup> groups, std::vector<std::string> buffer_suffixes,
            const WeightDecay& decay);

  // State beside the buffers of the parameters: a number (float64, on the processor) for each of
  // them. Starts at 0.
  at::Tensor AddNumbers(const std::string& name);

  double weight_decay() const { return decay_.rate; }
  // Those of them that decay, without indices and buffers.
  Tensors Decaying(const Tensors& tensors) const;

  // Updates the parameters of one group; gradients may be overwritten.
  virtual void Update(double rate, Tensors* tensors) = 0;

 private:
  std::vector<ParameterGroup> groups_;
  // Of the parameters in order of the groups, all buffers of one after the other; then numbers.
  std::vector<NamedTensor> buffers_;
  const size_t buffers_per_parameter_;
  WeightDecay decay_;
};

}  // namespace cassle

#endif  // CASSLE_SSL_OPTIMIZERS_OPTIMIZER_H_
