// Runs a model of ONNX with LibTorch, node by node: what tests compare a network with. Only the
// operators and attributes that cassle writes.
#ifndef CASSLE_MODELS_ONNX_GRAPH_EVALUATOR_H_
#define CASSLE_MODELS_ONNX_GRAPH_EVALUATOR_H_

#include <ATen/core/Tensor.h>
#include <onnx/onnx_pb.h>

#include <map>
#include <string>

namespace cassle {

// The tensor of an initialiser.
at::Tensor InitializerTensor(const onnx::TensorProto& initializer);

// Every tensor of the graph by its name, given its inputs. Throws c10::Error naming the node for
// an operator it does not know, or an input that nothing before has made.
std::map<std::string, at::Tensor> EvaluateGraph(const onnx::GraphProto& graph,
                                                std::map<std::string, at::Tensor> inputs);

}  // namespace cassle

#endif  // CASSLE_MODELS_ONNX_GRAPH_EVALUATOR_H_
