#include "cassle/models/onnx/onnx_model.h"

#include <ATen/ops/eye.h>
#include <ATen/ops/zeros.h>
#include <onnx/onnx_pb.h>

#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/backbone_sizes.h"
#include "cassle/models/networks/vit.h"
#include "cassle/models/onnx/convnext_graph.h"
#include "cassle/models/onnx/onnx_graph.h"
#include "cassle/models/onnx/resnet_graph.h"
#include "cassle/models/onnx/vit_graph.h"

namespace cassle {
namespace {

// Of ONNX 1.12.
constexpr int kIrVersion = 8;
// A message of protobuf; what is not weights is far below the difference to 2 GiB.
constexpr int64_t kMaxWeightBytes = std::numeric_limits<int32_t>::max() - (16 << 20);

void Describe(const std::string& name, const std::vector<int64_t>& row,
              onnx::ValueInfoProto* value) {
  value->set_name(name);
  onnx::TypeProto::Tensor* tensor = value->mutable_type()->mutable_tensor_type();
  tensor->set_elem_type(onnx::TensorProto::FLOAT);
  tensor->mutable_shape()->add_dim()->set_dim_param("batch");
  for (const int64_t size : row) tensor->mutable_shape()->add_dim()->set_dim_value(size);
}

// Images with the planes of the image channels behind R G B: a convolution of 1 x 1 that hands on
// the former and whose biases are the latter.
std::string WithPlanes(const v1::BackboneConfig& config, OnnxGraph* graph) {
  const int64_t planes = config.extra_channels_size();
  if (planes == 0) return kOnnxImages;
  const at::Tensor weight =
      at::eye(kImageChannels + planes, kImageChannels, at::kFloat).unsqueeze(2).unsqueeze(3);
  const at::Tensor bias = at::zeros({kImageChannels + planes}, at::kFloat);
  for (int64_t i = 0; i < planes; ++i) {
    bias.data_ptr<float>()[kImageChannels + i] = config.extra_channels(static_cast<int>(i));
  }
  return graph->Apply("Conv", "extra_channels",
                      {kOnnxImages, graph->Constant("extra_channels.weight", weight),
                       graph->Constant("extra_channels.bias", bias)},
                      {IntsAttribute("kernel_shape", {1, 1})});
}

absl::Status AddBackbone(const v1::ModelSpec& spec, const Backbone& backbone, OnnxGraph* graph) {
  const v1::BackboneConfig& config = spec.backbone();
  if (FindResNet(config.architecture()) != nullptr) {
    AddResNet(config, WithPlanes(config, graph), kOnnxFeatures, graph);
  } else if (FindConvNext(config.architecture()) != nullptr) {
    AddConvNext(spec.image_size(), WithPlanes(config, graph), kOnnxFeatures, graph);
  } else if (const auto* vit = dynamic_cast<const VisionTransformer*>(&backbone)) {
    AddVit(config, vit->PositionsFor(spec.image_size() / config.patch_size()),
           WithPlanes(config, graph), kOnnxFeatures, graph);
  } else {
    return absl::FailedPreconditionError(
        absl::StrCat("--format=onnx: ", config.architecture(),
                     " cannot be written as ONNX yet; choose --format=pth or safetensors"));
  }
  return graph->Finish();
}

absl::Status AddClassifier(const ProbeClassifier& classifier, int64_t feature_size,
                           OnnxGraph* graph) {
  if (classifier.weight.size(1) != feature_size) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--classifier: that of ", classifier.target, " takes ", classifier.weight.size(1),
        " features, and the model gives ", feature_size, ": name the result of its own probe"));
  }
  const std::string name = absl::StrCat("classifier.", classifier.target);
  graph->Apply("Gemm", kOnnxLogits + classifier.target,
               {kOnnxFeatures, graph->Constant(name + ".weight", classifier.weight),
                graph->Constant(name + ".bias", classifier.bias)},
               {IntAttribute("transB", 1)});
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> MakeOnnxModel(const OnnxModelParts& parts) {
  const std::vector<NamedTensor> weights = parts.backbone->state();
  int64_t bytes = 0;
  for (const NamedTensor& weight : weights) bytes += static_cast<int64_t>(weight.tensor.nbytes());
  if (bytes > kMaxWeightBytes) {
    return absl::FailedPreconditionError(
        absl::StrCat("--format=onnx: the weights have ", bytes >> 20,
                     " MiB, and a file of ONNX holds 2 GiB at most; choose --format=safetensors"));
  }
  onnx::ModelProto model;
  model.set_ir_version(kIrVersion);
  model.set_producer_name("cassle");
  onnx::OperatorSetIdProto* opset = model.add_opset_import();
  opset->set_domain("");
  opset->set_version(kOnnxOpset);
  for (const auto& [key, value] : parts.metadata) {
    onnx::StringStringEntryProto* entry = model.add_metadata_props();
    entry->set_key(key);
    entry->set_value(value);
  }
  onnx::GraphProto* proto = model.mutable_graph();
  proto->set_name(parts.spec.backbone().architecture());
  const int64_t side = parts.spec.image_size(), feature_size = parts.backbone->feature_size();
  Describe(kOnnxImages, {kImageChannels, side, side}, proto->add_input());
  Describe(kOnnxFeatures, {feature_size}, proto->add_output());

  OnnxGraph graph(weights, proto);
  CASSLE_RETURN_IF_ERROR(AddBackbone(parts.spec, *parts.backbone, &graph));
  for (const ProbeClassifier& classifier : parts.classifiers) {
    CASSLE_RETURN_IF_ERROR(AddClassifier(classifier, feature_size, &graph));
    Describe(kOnnxLogits + classifier.target, {classifier.weight.size(0)}, proto->add_output());
  }
  return model.SerializeAsString();
}

}  // namespace cassle
