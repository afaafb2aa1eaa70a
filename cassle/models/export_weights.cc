#include "cassle/models/export_weights.h"

#include <c10/util/Exception.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/backbone.h"
#include "cassle/models/model_folder.h"
#include "cassle/models/torch_file_writer.h"
#include "cassle/models/torch_runtime.h"
#include "cassle/models/weight_names.h"
#include "cassle/models/weights.h"

namespace cassle {
namespace {

constexpr char kTorchFileName[] = "backbone.pth";
constexpr char kSafetensorsName[] = "backbone.safetensors";

bool IsVit(const v1::BackboneConfig& config) {
  return absl::StartsWith(config.architecture(), "vit_");
}

// Makes `model`, without classifier; empty if the library has no such network.
std::string PythonOf(const v1::BackboneConfig& config, int64_t width, bool timm) {
  // Conditioning by image channels is ours.
  if (config.extra_channels_size() != 0) return "";
  if (!IsVit(config)) {
    // torchvision's residual networks have no width factor.
    if (config.width_factor() != 0 && config.width_factor() != 1) return "";
    const std::string cifar = config.stem() == v1::CIFAR
                                  ? "; model.conv1 = torch.nn.Conv2d(3, 64, 3, 1, 1, bias=False); "
                                    "model.maxpool = torch.nn.Identity()"
                                  : "";
    return absl::StrCat("model = torchvision.models.", config.architecture(),
                        "(); model.fc = torch.nn.Identity()", cifar);
  }
  if (timm) {
    return absl::StrCat(
        "model = timm.models.vision_transformer.VisionTransformer(img_size=", config.image_size(),
        ", patch_size=", config.patch_size(), ", embed_dim=", width,
        ", depth=12, num_heads=", config.heads(), ", num_classes=0)");
  }
  return absl::StrCat(
      "model = torchvision.models.VisionTransformer(image_size=", config.image_size(),
      ", patch_size=", config.patch_size(), ", num_layers=12, num_heads=", config.heads(),
      ", hidden_dim=", width, ", mlp_dim=", 4 * width, "); model.heads = torch.nn.Identity()");
}

absl::Status Export(const v1::ExportWeightsOptions& options, StageContext& context) {
  if (context.streaming()) {
    return absl::InvalidArgumentError("--output=-: weights are written into a folder, no stream");
  }
  if (options.input().empty()) {
    return absl::InvalidArgumentError("--input is missing: name a model folder");
  }
  ConfigureTorch(/*compute_threads=*/1);
  CASSLE_ASSIGN_OR_RETURN(const v1::ModelSpec spec, ReadModelSpec(options.input()));
  CASSLE_ASSIGN_OR_RETURN(const std::shared_ptr<Backbone> backbone, LoadBackbone(options.input()));
  CASSLE_ASSIGN_OR_RETURN(const v1::BackboneConfig config,
                          ResolveBackbone(spec.backbone(), spec.image_size()));
  const bool timm = options.names() == v1::ExportWeightsOptions::TIMM;
  std::vector<WeightArray> arrays;
  SafetensorsWriter safetensors;
  // What the reader in `transformers` and others ask for.
  safetensors.SetMetadata("format", "pt");
  for (const NamedTensor& entry : backbone->state()) {
    const std::string name = IsVit(config) && !timm ? ToTorchvisionName(entry.name) : entry.name;
    CASSLE_RETURN_IF_ERROR(AddTensor(name, entry.tensor, &safetensors));
    const at::Tensor plain = entry.tensor.detach().contiguous();
    arrays.push_back({name, plain.scalar_type() == at::kLong ? DType::kI64 : DType::kF32,
                      plain.sizes().vec(),
                      std::string(static_cast<const char*>(plain.data_ptr()), plain.nbytes())});
  }
  if (options.format() != v1::ExportWeightsOptions::SAFETENSORS) {
    CASSLE_RETURN_IF_ERROR(WriteTorchFile(JoinPath(context.output_dir(), kTorchFileName), arrays));
  }
  if (options.format() != v1::ExportWeightsOptions::PTH) {
    CASSLE_RETURN_IF_ERROR(safetensors.Write(JoinPath(context.output_dir(), kSafetensorsName)));
  }
  v1::ExportWeightsResult result;
  result.set_tensors(static_cast<int64_t>(arrays.size()));
  result.set_python(PythonOf(config, backbone->feature_size(), timm));
  result.set_weights_fingerprint(WeightsFingerprint(*backbone));
  context.Say(
      result.python().empty()
          ? std::string("no library has this network (width factor or further image channels): "
                        "the tensors have torchvision's names, but other shapes")
          : absl::StrCat("in Python: ", result.python(), "; model.load_state_dict(torch.load('",
                         kTorchFileName, "'))"));
  return context.SetResult(result);
}

}  // namespace

StageInfo ExportWeightsInfo() {
  return {.name = "export-weights",
          .version = 1,
          .summary =
              "Writes the backbone of a model for Python: a state dict for torch.load and "
              "torchvision's or timm's networks, and safetensors."};
}

absl::Status RunExportWeights(const v1::ExportWeightsOptions& options, StageContext& context) {
  try {
    return Export(options, context);
  } catch (const c10::Error& error) {
    return absl::InternalError(error.what_without_backtrace());
  }
}

}  // namespace cassle
