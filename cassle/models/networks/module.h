// Module: a tree of named parameters and buffers, the base of every network here.
//
// Names and their order are PyTorch's (state_dict): a module's own parameters, its own buffers,
// then its children, each in order of declaration, joined with '.': "layer1.0.conv1.weight". So
// weights are exchanged with torchvision by name.
//
// Why not torch::nn::Module: its header costs 8 s to compile, this one 3 s; and it draws initial
// weights from LibTorch's global generator, in order of construction, where here every parameter
// declares its distribution and is drawn from its own counter-based stream (see Initialize).
//
//   class Linear : public Module {
//    public:
//     Linear(int64_t in, int64_t out)
//         : weight_(AddParameter("weight", {out, in}, UniformFanIn(in))) {}
//     at::Tensor forward(const at::Tensor& input) { return at::linear(input, weight_); }
//
//    private:
//     at::Tensor weight_;
//   };
//
// A Module is neither copyable nor thread-safe. A subclass keeps the handles that Add... returns:
// all conversions happen in place, so the handles stay valid.
#ifndef CASSLE_MODELS_NETWORKS_MODULE_H_
#define CASSLE_MODELS_NETWORKS_MODULE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "cassle/runtime/named_tensor.h"

namespace cassle {

// How a parameter starts: uniformly in [-bound, bound); or Gaussian of mean 0; or, when both are 0,
// everywhere at `value`.
struct InitialValues {
  double bound = 0;
  double std = 0;
  double value = 0;
};
InitialValues Constant(double value);
InitialValues Uniform(double bound);
InitialValues Normal(double std);
// U(-1/sqrt(fan_in), 1/sqrt(fan_in)): PyTorch's default for the weights and biases of linear and
// convolution layers (Kaiming uniform with a = sqrt(5)).
InitialValues UniformFanIn(int64_t fan_in);

class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  // Handles, not copies.
  std::vector<NamedTensor> named_parameters() const;
  std::vector<NamedTensor> named_buffers() const;
  // Parameters and buffers in state_dict order.
  std::vector<NamedTensor> state() const;
  std::vector<at::Tensor> parameters() const;

  // Training mode (the initial one): batch norm uses and records the statistics of the batch.
  void train(bool on = true);
  void eval() { train(false); }
  bool is_training() const { return training_; }

  // Draws every parameter anew and resets every buffer. A parameter depends on (seed, prefix + its
  // name, its size) only: not on other parameters, the order of construction, threads, or
  // LibTorch's generator.
  void Initialize(uint64_t seed, const std::string& prefix = "");

  // For networks that are not trained by gradients (momentum encoders, frozen backbones).
  void set_requires_grad(bool requires_grad);
  // Drops the gradients.
  void zero_grad();

  // Converts all floating-point tensors (float64 in tests) and forgets the gradients.
  void ToDtype(at::ScalarType dtype);
  // Stores 4-d parameters as channels-last, which is what convolutions on channels-last images
  // want.
  void ToChannelsLast();

 protected:
  // Values are undefined until Initialize or LoadModule.
  at::Tensor AddParameter(std::string name, at::IntArrayRef sizes, InitialValues initial);
  // A tensor that belongs to the state but has no gradient; Initialize sets it to `value`.
  at::Tensor AddBuffer(std::string name, at::IntArrayRef sizes, at::ScalarType dtype, double value);
  // Weights that are never trained: float32 buffers, so that no optimiser and no momentum update
  // touches them. A buffer comes after the parameters of its own module: where the order of names
  // matters, declare it last.
  at::Tensor AddFrozen(std::string name, at::IntArrayRef sizes, InitialValues initial);
  // The same with given initial values, which are copied.
  at::Tensor AddFrozen(std::string name, const at::Tensor& values);
  template <typename T>
  std::shared_ptr<T> AddChild(std::string name, std::shared_ptr<T> child) {
    children_.emplace_back(std::move(name), child);
    return child;
  }

 private:
  struct Entry {
    std::string name;
    at::Tensor tensor;
    InitialValues initial;
    // Instead of `initial`, where defined.
    at::Tensor values = {};
  };
  static void Fill(uint64_t seed, const std::string& stream, const Entry& entry);
  enum Kind { kParameters = 1, kBuffers = 2 };
  void Collect(int kinds, const std::string& prefix, std::vector<NamedTensor>* out) const;

  std::vector<Entry> parameters_;
  std::vector<Entry> buffers_;
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> children_;
  bool training_ = true;
};

// Copies all parameters and buffers of `from` into `to`, which must be built alike (throws
// c10::Error otherwise). Gradients are not copied.
void CopyState(const Module& from, Module* to);

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_MODULE_H_
