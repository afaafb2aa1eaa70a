#include "cassle/models/onnx/onnx_graph.h"

#include <ATen/ops/tensor.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace cassle {

onnx::AttributeProto IntAttribute(const std::string& name, int64_t value) {
  onnx::AttributeProto attribute;
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INT);
  attribute.set_i(value);
  return attribute;
}

onnx::AttributeProto IntsAttribute(const std::string& name, const std::vector<int64_t>& values) {
  onnx::AttributeProto attribute;
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::INTS);
  for (const int64_t value : values) attribute.add_ints(value);
  return attribute;
}

onnx::AttributeProto FloatAttribute(const std::string& name, double value) {
  onnx::AttributeProto attribute;
  attribute.set_name(name);
  attribute.set_type(onnx::AttributeProto::FLOAT);
  attribute.set_f(static_cast<float>(value));
  return attribute;
}

OnnxGraph::OnnxGraph(const std::vector<NamedTensor>& weights, onnx::GraphProto* graph)
    : graph_(graph) {
  for (const NamedTensor& weight : weights) weights_[weight.name] = weight.tensor;
}

int64_t OnnxGraph::SizeOf(const std::string& weight, size_t dimension) {
  const auto found = weights_.find(weight);
  if (found != weights_.end()) return found->second.size(static_cast<int64_t>(dimension));
  missing_.insert(weight);
  return 0;
}

std::string OnnxGraph::Weight(const std::string& name) {
  const auto found = weights_.find(name);
  if (found == weights_.end()) {
    missing_.insert(name);
  } else if (added_.insert(name).second) {
    AddInitializer(name, found->second);
  }
  return name;
}

std::string OnnxGraph::Constant(const std::string& name, const at::Tensor& values) {
  if (added_.insert(name).second) AddInitializer(name, values);
  return name;
}

std::string OnnxGraph::Constant(const std::string& name, const std::vector<int64_t>& values) {
  return Constant(name, at::tensor(values, at::kLong));
}

void OnnxGraph::AddInitializer(const std::string& name, const at::Tensor& values) {
  const at::Tensor plain = values.detach().contiguous();
  onnx::TensorProto* initializer = graph_->add_initializer();
  initializer->set_name(name);
  initializer->set_data_type(plain.scalar_type() == at::kLong ? onnx::TensorProto::INT64
                                                              : onnx::TensorProto::FLOAT);
  for (const int64_t size : plain.sizes()) initializer->add_dims(size);
  initializer->set_raw_data(plain.data_ptr(), plain.nbytes());
}

std::string OnnxGraph::Apply(const std::string& operation, const std::string& name,
                             const std::vector<std::string>& inputs,
                             const std::vector<onnx::AttributeProto>& attributes) {
  return Apply(operation, name, inputs, std::vector<std::string>{name}, attributes)[0];
}

std::vector<std::string> OnnxGraph::Apply(const std::string& operation, const std::string& name,
                                          const std::vector<std::string>& inputs,
                                          const std::vector<std::string>& outputs,
                                          const std::vector<onnx::AttributeProto>& attributes) {
  onnx::NodeProto* node = graph_->add_node();
  node->set_op_type(operation);
  node->set_name(name);
  for (const std::string& input : inputs) node->add_input(input);
  for (const std::string& output : outputs) node->add_output(output);
  for (const onnx::AttributeProto& attribute : attributes) *node->add_attribute() = attribute;
  return outputs;
}

absl::Status OnnxGraph::Finish() const {
  const char kRemedy[] =
      ": this network cannot be written as ONNX yet; choose --format=pth or safetensors";
  if (!missing_.empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat("--format=onnx: the backbone has no ", *missing_.begin(), kRemedy));
  }
  for (const auto& [name, tensor] : weights_) {
    if (added_.count(name) > 0 || absl::EndsWith(name, "num_batches_tracked")) continue;
    return absl::FailedPreconditionError(absl::StrCat("--format=onnx: the backbone has ", name,
                                                      ", which the graph does not use", kRemedy));
  }
  return absl::OkStatus();
}

}  // namespace cassle
