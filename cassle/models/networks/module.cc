#include "cassle/models/networks/module.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>

#include <cmath>

#include "cassle/base/philox.h"

namespace cassle {
namespace {

// FNV-1a, 64 bits: names the stream of a parameter.
uint64_t HashName(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (unsigned char c : name) hash = (hash ^ c) * 0x100000001b3ull;
  return hash;
}

void FillRandom(const StreamKey& key, const InitialValues& initial, at::Tensor tensor) {
  at::Tensor values = at::empty(tensor.sizes(), at::kFloat);
  float* data = values.data_ptr<float>();
  Philox generator(key);
  for (int64_t i = 0; i < values.numel(); ++i) {
    data[i] =
        static_cast<float>(initial.bound > 0 ? generator.Uniform(-initial.bound, initial.bound)
                                             : initial.std * generator.NextGaussian());
  }
  tensor.copy_(values);
}

}  // namespace

InitialValues Constant(double value) { return {.value = value}; }

InitialValues Uniform(double bound) { return {.bound = bound}; }

InitialValues Normal(double std) { return {.std = std}; }

InitialValues UniformFanIn(int64_t fan_in) {
  return Uniform(1.0 / std::sqrt(static_cast<double>(fan_in)));
}

void Module::Collect(int kinds, const std::string& prefix, std::vector<NamedTensor>* out) const {
  if (kinds & kParameters) {
    for (const Entry& entry : parameters_) out->push_back({prefix + entry.name, entry.tensor});
  }
  if (kinds & kBuffers) {
    for (const Entry& entry : buffers_) out->push_back({prefix + entry.name, entry.tensor});
  }
  for (const auto& [name, child] : children_) child->Collect(kinds, prefix + name + ".", out);
}

std::vector<NamedTensor> Module::named_parameters() const {
  std::vector<NamedTensor> tensors;
  Collect(kParameters, "", &tensors);
  return tensors;
}

std::vector<NamedTensor> Module::named_buffers() const {
  std::vector<NamedTensor> tensors;
  Collect(kBuffers, "", &tensors);
  return tensors;
}

std::vector<NamedTensor> Module::state() const {
  std::vector<NamedTensor> tensors;
  Collect(kParameters | kBuffers, "", &tensors);
  return tensors;
}

std::vector<at::Tensor> Module::parameters() const {
  std::vector<at::Tensor> tensors;
  for (NamedTensor& parameter : named_parameters()) tensors.push_back(std::move(parameter.tensor));
  return tensors;
}

void Module::train(bool on) {
  training_ = on;
  for (const auto& child : children_) child.second->train(on);
}

void Module::Fill(uint64_t seed, const std::string& stream, const Entry& entry) {
  if (entry.values.defined()) {
    entry.tensor.copy_(entry.values);
  } else if (entry.initial.bound > 0 || entry.initial.std > 0) {
    FillRandom({.seed = seed, .domain = RandomDomain::kWeights, .index = HashName(stream)},
               entry.initial, entry.tensor);
  } else {
    entry.tensor.fill_(entry.initial.value);
  }
}

void Module::Initialize(uint64_t seed, const std::string& prefix) {
  c10::NoGradGuard no_grad;
  for (const Entry& entry : parameters_) Fill(seed, prefix + entry.name, entry);
  for (const Entry& entry : buffers_) Fill(seed, prefix + entry.name, entry);
  for (const auto& [name, child] : children_) child->Initialize(seed, prefix + name + ".");
}

void Module::set_requires_grad(bool requires_grad) {
  for (at::Tensor& parameter : parameters()) parameter.set_requires_grad(requires_grad);
}

void Module::zero_grad() {
  for (at::Tensor& parameter : parameters()) parameter.mutable_grad() = at::Tensor();
}

void Module::ToDtype(at::ScalarType dtype) {
  c10::NoGradGuard no_grad;
  for (NamedTensor& entry : state()) {
    if (!entry.tensor.is_floating_point()) continue;
    entry.tensor.mutable_grad() = at::Tensor();
    entry.tensor.set_data(entry.tensor.to(dtype));
  }
}

void Module::ToChannelsLast() {
  c10::NoGradGuard no_grad;
  for (at::Tensor& parameter : parameters()) {
    if (parameter.dim() == 4) {
      parameter.set_data(parameter.contiguous(at::MemoryFormat::ChannelsLast));
    }
  }
}

at::Tensor Module::AddParameter(std::string name, at::IntArrayRef sizes, InitialValues initial) {
  at::Tensor tensor = at::empty(sizes, at::kFloat);
  tensor.set_requires_grad(true);
  parameters_.push_back({std::move(name), tensor, initial});
  return tensor;
}

at::Tensor Module::AddBuffer(std::string name, at::IntArrayRef sizes, at::ScalarType dtype,
                             double value) {
  at::Tensor tensor = at::full(sizes, value, dtype);
  buffers_.push_back({std::move(name), tensor, Constant(value)});
  return tensor;
}

at::Tensor Module::AddFrozen(std::string name, at::IntArrayRef sizes, InitialValues initial) {
  at::Tensor tensor = at::empty(sizes, at::kFloat);
  buffers_.push_back({std::move(name), tensor, initial});
  return tensor;
}

at::Tensor Module::AddFrozen(std::string name, const at::Tensor& values) {
  at::Tensor tensor = values.clone();
  buffers_.push_back({std::move(name), tensor, {}, values.clone()});
  return tensor;
}

void CopyState(const Module& from, Module* to) {
  c10::NoGradGuard no_grad;
  const std::vector<NamedTensor> source = from.state();
  const std::vector<NamedTensor> target = to->state();
  TORCH_CHECK(source.size() == target.size(), "CopyState: ", source.size(), " tensors into ",
              target.size());
  for (size_t i = 0; i < source.size(); ++i) {
    TORCH_CHECK(
        source[i].name == target[i].name && source[i].tensor.sizes() == target[i].tensor.sizes(),
        "CopyState: ", source[i].name, " ", source[i].tensor.sizes(), " into ", target[i].name, " ",
        target[i].tensor.sizes());
    target[i].tensor.copy_(source[i].tensor);
  }
}

}  // namespace cassle
