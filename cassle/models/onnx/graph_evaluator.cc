#include "cassle/models/onnx/graph_evaluator.h"

#include <ATen/ATen.h>

#include <cstring>
#include <functional>
#include <vector>

namespace cassle {
namespace {

const onnx::AttributeProto* Find(const onnx::NodeProto& node, const std::string& name) {
  for (const onnx::AttributeProto& attribute : node.attribute()) {
    if (attribute.name() == name) return &attribute;
  }
  return nullptr;
}

const onnx::AttributeProto& Get(const onnx::NodeProto& node, const std::string& name) {
  const onnx::AttributeProto* attribute = Find(node, name);
  TORCH_CHECK(attribute != nullptr, node.name(), " has no attribute ", name);
  return *attribute;
}

std::vector<int64_t> Ints(const onnx::NodeProto& node, const std::string& name) {
  const onnx::AttributeProto& attribute = Get(node, name);
  return {attribute.ints().begin(), attribute.ints().end()};
}

// Begin and end of both sides are alike in what cassle writes.
std::vector<int64_t> Padding(const onnx::NodeProto& node) {
  if (Find(node, "pads") == nullptr) return {0, 0};
  const std::vector<int64_t> pads = Ints(node, "pads");
  return {pads[0], pads[1]};
}

std::vector<int64_t> Shape(const at::Tensor& values, const at::Tensor& input) {
  std::vector<int64_t> shape(values.data_ptr<int64_t>(),
                             values.data_ptr<int64_t>() + values.numel());
  // 0 copies the size of the input.
  for (size_t i = 0; i < shape.size(); ++i) {
    if (shape[i] == 0) shape[i] = input.size(static_cast<int64_t>(i));
  }
  return shape;
}

using Inputs = std::vector<at::Tensor>;
using Operator = std::function<Inputs(const onnx::NodeProto&, const Inputs&)>;

Inputs Conv(const onnx::NodeProto& node, const Inputs& in) {
  const std::vector<int64_t> strides =
      Find(node, "strides") == nullptr ? std::vector<int64_t>{1, 1} : Ints(node, "strides");
  TORCH_CHECK(in[1].sizes().slice(2) == c10::IntArrayRef(Ints(node, "kernel_shape")), node.name(),
              " has another kernel than its weight");
  const int64_t groups = Find(node, "group") == nullptr ? 1 : Get(node, "group").i();
  return {at::conv2d(in[0], in[1], in.size() > 2 ? in[2] : at::Tensor(), strides, Padding(node),
                     /*dilation=*/1, groups)};
}

Inputs MaxPool(const onnx::NodeProto& node, const Inputs& in) {
  return {at::max_pool2d(in[0], Ints(node, "kernel_shape"), Ints(node, "strides"), Padding(node))};
}

Inputs Gemm(const onnx::NodeProto& node, const Inputs& in) {
  TORCH_CHECK(Get(node, "transB").i() == 1 && in[0].dim() == 2, node.name());
  return {at::addmm(in[2], in[0], in[1].t())};
}

Inputs LayerNorm(const onnx::NodeProto& node, const Inputs& in) {
  TORCH_CHECK(Get(node, "axis").i() == -1, node.name());
  return {at::layer_norm(in[0], in[1].sizes(), in[1], in[2], Get(node, "epsilon").f())};
}

Inputs ShapeOf(const onnx::NodeProto& node, const Inputs& in) {
  const at::Tensor shape = at::tensor(in[0].sizes(), at::kLong);
  return {shape.slice(0, Get(node, "start").i(), Get(node, "end").i())};
}

Inputs Split(const onnx::NodeProto& node, const Inputs& in) {
  const at::Tensor& input = in[0];
  const int64_t axis = Get(node, "axis").i();
  if (in.size() > 1) return at::split_with_sizes(input, Shape(in[1], input), axis);
  TORCH_CHECK(input.size(axis) % node.output_size() == 0, node.name());
  return at::chunk(input, node.output_size(), axis);
}

const std::map<std::string, Operator>& Operators() {
  static const auto& operators = *new std::map<std::string, Operator>{
      {"Conv", Conv},
      {"MaxPool", MaxPool},
      {"Gemm", Gemm},
      {"LayerNormalization", LayerNorm},
      {"Shape", ShapeOf},
      {"Split", Split},
      {"BatchNormalization",
       [](const auto& node, const Inputs& in) -> Inputs {
         return {at::batch_norm(in[0], in[1], in[2], in[3], in[4], /*training=*/false, 0,
                                Get(node, "epsilon").f(), false)};
       }},
      {"Relu", [](const auto&, const Inputs& in) -> Inputs { return {at::relu(in[0])}; }},
      {"Add", [](const auto&, const Inputs& in) -> Inputs { return {in[0] + in[1]}; }},
      {"Mul", [](const auto&, const Inputs& in) -> Inputs { return {in[0] * in[1]}; }},
      {"Div", [](const auto&, const Inputs& in) -> Inputs { return {in[0] / in[1]}; }},
      {"Erf", [](const auto&, const Inputs& in) -> Inputs { return {at::erf(in[0])}; }},
      {"Sigmoid", [](const auto&, const Inputs& in) -> Inputs { return {at::sigmoid(in[0])}; }},
      {"MatMul",
       [](const auto&, const Inputs& in) -> Inputs { return {at::matmul(in[0], in[1])}; }},
      {"GlobalAveragePool",
       [](const auto&, const Inputs& in) -> Inputs {
         return {in[0].mean({2, 3}, /*keepdim=*/true)};
       }},
      {"Flatten",
       [](const auto& node, const Inputs& in) -> Inputs {
         return {in[0].flatten(Get(node, "axis").i())};
       }},
      {"Softmax",
       [](const auto& node, const Inputs& in) -> Inputs {
         return {at::softmax(in[0], Get(node, "axis").i())};
       }},
      {"Transpose",
       [](const auto& node, const Inputs& in) -> Inputs {
         return {in[0].permute(Ints(node, "perm"))};
       }},
      {"Reshape",
       [](const auto&, const Inputs& in) -> Inputs {
         return {in[0].reshape(Shape(in[1], in[0]))};
       }},
      {"Expand",
       [](const auto&, const Inputs& in) -> Inputs {
         const at::Tensor ones = at::ones(Shape(in[1], in[0]), in[0].options());
         return {in[0] * ones};
       }},
      {"Concat",
       [](const auto& node, const Inputs& in) -> Inputs {
         return {at::cat(in, Get(node, "axis").i())};
       }},
      {"Gather",
       [](const auto& node, const Inputs& in) -> Inputs {
         TORCH_CHECK(in[1].dim() == 0, node.name());
         return {in[0].select(Get(node, "axis").i(), in[1].template item<int64_t>())};
       }},
  };
  return operators;
}

}  // namespace

at::Tensor InitializerTensor(const onnx::TensorProto& initializer) {
  const std::vector<int64_t> sizes(initializer.dims().begin(), initializer.dims().end());
  at::Tensor tensor = at::empty(
      sizes, initializer.data_type() == onnx::TensorProto::INT64 ? at::kLong : at::kFloat);
  TORCH_CHECK(tensor.nbytes() == initializer.raw_data().size(), initializer.name());
  std::memcpy(tensor.data_ptr(), initializer.raw_data().data(), tensor.nbytes());
  return tensor;
}

std::map<std::string, at::Tensor> EvaluateGraph(const onnx::GraphProto& graph,
                                                std::map<std::string, at::Tensor> tensors) {
  for (const onnx::TensorProto& initializer : graph.initializer()) {
    tensors[initializer.name()] = InitializerTensor(initializer);
  }
  for (const onnx::NodeProto& node : graph.node()) {
    Inputs inputs;
    for (const std::string& name : node.input()) {
      TORCH_CHECK(tensors.count(name) > 0, node.name(), " reads ", name,
                  ", which nothing before it makes");
      inputs.push_back(tensors.at(name));
    }
    const auto found = Operators().find(node.op_type());
    TORCH_CHECK(found != Operators().end(), node.name(), ": unknown operator ", node.op_type());
    const Inputs outputs = found->second(node, inputs);
    TORCH_CHECK(static_cast<int>(outputs.size()) == node.output_size(), node.name());
    for (int i = 0; i < node.output_size(); ++i) {
      TORCH_CHECK(tensors.emplace(node.output(i), outputs[i]).second, node.output(i),
                  " is made twice");
    }
  }
  return tensors;
}

}  // namespace cassle
