#include "cassle/models/export_weights_stage.h"

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/exchange/detectron2_file.h"
#include "cassle/models/exchange/torch_file_writer.h"
#include "cassle/models/exchange/weight_families.h"
#include "cassle/models/export_onnx.h"
#include "cassle/models/export_python.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/backbone_sizes.h"
#include "cassle/models/onnx/probe_classifiers.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/weights.h"
#include "cassle/runtime/torch_guard.h"
#include "cassle/runtime/torch_runtime.h"

namespace cassle {
namespace {

constexpr char kTorchFileName[] = "backbone.pth";
constexpr char kSafetensorsName[] = "backbone.safetensors";
constexpr char kDetectron2Name[] = "backbone.pkl";

bool IsVit(const v1::BackboneConfig& config) { return FindVit(config.architecture()) != nullptr; }

bool IsResNet(const v1::BackboneConfig& config) {
  return FindResNet(config.architecture()) != nullptr;
}

WeightArray ArrayOf(const std::string& name, const at::Tensor& tensor) {
  const at::Tensor plain = tensor.detach().contiguous();
  return {name, plain.scalar_type() == at::kLong ? DType::kI64 : DType::kF32, plain.sizes().vec(),
          std::string(static_cast<const char*>(plain.data_ptr()), plain.nbytes())};
}

// What a layer of the backbone gives.
int64_t OutputsOf(const Backbone& backbone, const std::string& layer) {
  for (const NamedTensor& entry : backbone.state()) {
    if (entry.name == layer + ".weight") return entry.tensor.size(0);
  }
  return 0;
}

// What a configuration of Detectron2 must say besides MODEL.WEIGHTS: its own models see BGR and
// have the stride elsewhere.
absl::StatusOr<std::string> Detectron2Settings(const v1::ModelSpec& spec,
                                               const v1::BackboneConfig& config,
                                               const Backbone& backbone) {
  std::vector<std::string> mean, std;
  for (int c = 0; c < 3; ++c) {
    mean.push_back(absl::StrCat(255 * spec.mean(c)));
    std.push_back(absl::StrCat(255 * spec.std(c)));
  }
  const ResNetSize& size = *FindResNet(config.architecture());
  int depth = 2;  // The stem and the classifier, which the name counts.
  for (const int blocks : size.blocks) depth += blocks * (size.bottleneck ? 3 : 2);
  const int64_t stem = OutputsOf(backbone, "conv1"), inner = OutputsOf(backbone, "layer1.0.conv1");
  std::vector<int64_t> outputs;
  bool double_each_time = true;
  for (int stage = 1; stage <= 4; ++stage) {
    outputs.push_back(
        OutputsOf(backbone, absl::StrCat("layer", stage, ".0.conv", size.bottleneck ? 3 : 2)));
    if (outputs.back() != outputs[0] << (stage - 1)) double_each_time = false;
  }
  if (!double_each_time) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--format=detectron2: in Detectron2 each stage has twice the channels of the one before, "
        "and here, of width factor ",
        config.width_factor(), ", they are ", absl::StrJoin(outputs, ", "),
        ": train with a factor that doubles them, as 0.25 does, or choose another --format"));
  }
  return absl::StrCat("INPUT.FORMAT RGB MODEL.PIXEL_MEAN [", absl::StrJoin(mean, ","),
                      "] MODEL.PIXEL_STD [", absl::StrJoin(std, ","), "] MODEL.RESNETS.DEPTH ",
                      depth, " MODEL.RESNETS.STRIDE_IN_1X1 False",
                      stem == 64 && inner == 64 && outputs[0] == 256
                          ? ""
                          : absl::StrCat(" MODEL.RESNETS.RES2_OUT_CHANNELS ", outputs[0],
                                         " MODEL.RESNETS.STEM_OUT_CHANNELS ", stem,
                                         " MODEL.RESNETS.WIDTH_PER_GROUP ", inner));
}

absl::Status ExportDetectron2(const v1::ModelSpec& spec, const v1::BackboneConfig& config,
                              const Backbone& backbone, StageContext& context) {
  if (!IsResNet(config) || config.stem() != v1::IMAGENET || config.extra_channels_size() != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("--format=detectron2: Detectron2's ResNets have the ImageNet stem and see R G "
                     "B; this is a ",
                     config.architecture(),
                     !IsResNet(config)               ? ""
                     : config.stem() != v1::IMAGENET ? " with CIFAR stem"
                                                     : " with further image channels",
                     ": train with --backbone.stem=imagenet, or choose another --format"));
  }
  CASSLE_ASSIGN_OR_RETURN(const std::string settings, Detectron2Settings(spec, config, backbone));
  std::vector<WeightArray> arrays;
  for (const NamedTensor& entry : backbone.state()) {
    const std::string name = ToDetectron2Name(entry.name);
    if (!name.empty()) arrays.push_back(ArrayOf(name, entry.tensor));
  }
  CASSLE_RETURN_IF_ERROR(
      WriteDetectron2File(JoinPath(context.output_dir(), kDetectron2Name), arrays));
  v1::ExportWeightsResult result;
  result.set_tensors(static_cast<int64_t>(arrays.size()));
  result.set_weights_fingerprint(WeightsFingerprint(backbone));
  result.set_detectron2(settings);
  context.Say(
      absl::StrCat("for Detectron2: MODEL.WEIGHTS ", kDetectron2Name, " ", result.detectron2()));
  return context.SetResult(result);
}

absl::Status CheckOptions(const v1::ExportWeightsOptions& options) {
  if (options.input().empty()) {
    return absl::InvalidArgumentError("--input is missing: name a model folder");
  }
  const bool onnx = options.format() == v1::ExportWeightsOptions::ONNX;
  if (!onnx && (!options.classifier().empty() || options.resize_px() != 0)) {
    return absl::InvalidArgumentError(
        "--classifier and --resize_px go with --format=onnx: files of weights hold neither");
  }
  if (options.has_names() && (onnx || options.format() == v1::ExportWeightsOptions::DETECTRON2)) {
    return absl::InvalidArgumentError(
        absl::StrCat("--names is for files of weights, and --format=", onnx ? "onnx" : "detectron2",
                     " has names of its own: leave it out"));
  }
  return absl::OkStatus();
}

// What fine-tune learnt goes into model.onnx alone.
absl::Status NoteHead(const std::string& folder, StageContext& context) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<ProbeClassifier> heads, ReadHead(folder));
  for (const ProbeClassifier& head : heads) {
    context.Note(absl::StrCat("the backbone is written without its classifier of ", head.target,
                              " (of fine-tune): --format=onnx has both"));
  }
  return absl::OkStatus();
}

absl::Status Export(const v1::ExportWeightsOptions& options, StageContext& context) {
  if (context.streaming()) {
    return absl::InvalidArgumentError("--output=-: weights are written into a folder, no stream");
  }
  ConfigureTorch(/*compute_threads=*/1);
  CASSLE_ASSIGN_OR_RETURN(v1::ModelSpec spec, ReadModelSpec(options.input()));
  CASSLE_ASSIGN_OR_RETURN(const std::shared_ptr<Backbone> backbone, LoadBackbone(options.input()));
  CASSLE_ASSIGN_OR_RETURN(const v1::BackboneConfig config,
                          ResolveBackbone(spec.backbone(), spec.image_size()));
  if (options.format() == v1::ExportWeightsOptions::ONNX) {
    *spec.mutable_backbone() = config;
    return ExportOnnx(options, spec, *backbone, context);
  }
  CASSLE_RETURN_IF_ERROR(NoteHead(options.input(), context));
  if (options.format() == v1::ExportWeightsOptions::DETECTRON2) {
    return ExportDetectron2(spec, config, *backbone, context);
  }
  const bool timm =
      options.names() == v1::ExportWeightsOptions::TIMM || !HasTorchvisionNames(config);
  if (timm && options.names() != v1::ExportWeightsOptions::TIMM) {
    context.Note("torchvision has no names for a network like this: the tensors have timm's");
  }
  std::vector<WeightArray> arrays;
  SafetensorsWriter safetensors;
  // What the reader in `transformers` and others ask for.
  safetensors.SetMetadata("format", "pt");
  // For import-weights: heads, positions, normalisation, ... are in no tensor's shape.
  const std::string described = PrintTextProto(spec);
  safetensors.SetMetadata(kModelMetadata, described);
  for (const NamedTensor& entry : backbone->state()) {
    const std::string name = IsVit(config) && !timm ? ToTorchvisionName(entry.name) : entry.name;
    CASSLE_RETURN_IF_ERROR(AddTensor(name, entry.tensor, &safetensors));
    arrays.push_back(ArrayOf(name, entry.tensor));
  }
  if (options.format() != v1::ExportWeightsOptions::SAFETENSORS) {
    CASSLE_RETURN_IF_ERROR(WriteTorchFile(JoinPath(context.output_dir(), kTorchFileName), arrays,
                                          {{kModelMetadata, described}}));
  }
  if (options.format() != v1::ExportWeightsOptions::PTH) {
    CASSLE_RETURN_IF_ERROR(safetensors.Write(JoinPath(context.output_dir(), kSafetensorsName)));
  }
  v1::ExportWeightsResult result;
  result.set_tensors(static_cast<int64_t>(arrays.size()));
  result.set_python(PythonOf(config, timm));
  result.set_weights_fingerprint(WeightsFingerprint(*backbone));
  context.Say(
      result.python().empty()
          ? absl::StrCat("no library has this network (",
                         config.registers() > 0 ? "a position of the class token beside registers"
                                                : "width factor or further image channels",
                         "): the tensors have ", !IsResNet(config) && timm ? "timm" : "torchvision",
                         "'s names, but other shapes")
          : absl::StrCat("in Python: ", result.python(), "; model.load_state_dict(torch.load('",
                         kTorchFileName, "'))"));
  return context.SetResult(result);
}

}  // namespace

StageInfo ExportWeightsInfo() {
  StageInfo info;
  info.name = "export-weights";
  info.version = 5;
  info.summary =
      "Writes the backbone of a model for Python: a state dict for torch.load and torchvision's or "
      "timm's networks, and safetensors; or for other run times, as ONNX.";
  info.check = CheckOf<v1::ExportWeightsOptions>(CheckOptions);
  return info;
}

absl::Status RunExportWeights(const v1::ExportWeightsOptions& options, StageContext& context) {
  return CatchTorch([&] { return Export(options, context); });
}

}  // namespace cassle
