// A graph of ONNX in the making: weights become initialisers under their own names, and a node has
// the name of what it computes, so that a viewer shows the network as PyTorch names it.
//
//   OnnxGraph graph(backbone.state(), model.mutable_graph());
//   const std::string sum = graph.Apply("Add", "sum", {a, graph.Weight("norm.bias")});
//   CASSLE_RETURN_IF_ERROR(graph.Finish());
#ifndef CASSLE_MODELS_ONNX_ONNX_GRAPH_H_
#define CASSLE_MODELS_ONNX_ONNX_GRAPH_H_

#include <ATen/core/Tensor.h>
#include <onnx/onnx_pb.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/runtime/named_tensor.h"

namespace cassle {

onnx::AttributeProto IntAttribute(const std::string& name, int64_t value);
onnx::AttributeProto IntsAttribute(const std::string& name, const std::vector<int64_t>& values);
onnx::AttributeProto FloatAttribute(const std::string& name, double value);

class OnnxGraph {
 public:
  // weights  what Weight() may take; handles.
  OnnxGraph(const std::vector<NamedTensor>& weights, onnx::GraphProto* graph);

  bool Has(const std::string& weight) const { return weights_.count(weight) > 0; }
  // Size of a dimension of a weight; 0 if there is no such weight, which Finish() then says.
  int64_t SizeOf(const std::string& weight, size_t dimension);

  // These return the name of what they add.
  std::string Weight(const std::string& name);
  // An initialiser that is not a weight, or stands for the weight of this name: float32 or int64.
  // Once added, a name is added no more.
  std::string Constant(const std::string& name, const at::Tensor& values);
  std::string Constant(const std::string& name, const std::vector<int64_t>& values);
  // A node with one output.
  std::string Apply(const std::string& operation, const std::string& name,
                    const std::vector<std::string>& inputs,
                    const std::vector<onnx::AttributeProto>& attributes = {});
  // A node with several outputs.
  std::vector<std::string> Apply(const std::string& operation, const std::string& name,
                                 const std::vector<std::string>& inputs,
                                 const std::vector<std::string>& outputs,
                                 const std::vector<onnx::AttributeProto>& attributes);

  // \error FailedPrecondition, naming one, if a weight was asked for that is not there, or one is
  // there that nothing asked for (the batches that batch norm counted apart): the network is
  // another than the one that was written.
  absl::Status Finish() const;

 private:
  void AddInitializer(const std::string& name, const at::Tensor& values);

  std::map<std::string, at::Tensor> weights_;
  std::set<std::string> added_;
  std::set<std::string> missing_;
  onnx::GraphProto* const graph_;
};

}  // namespace cassle

#endif  // CASSLE_MODELS_ONNX_ONNX_GRAPH_H_
