#include "cassle/models/export_onnx.h"

#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/exchange/weight_array.h"
#include "cassle/models/onnx/onnx_model.h"
#include "cassle/models/onnx/probe_classifiers.h"
#include "cassle/models/weights/preprocessing.h"
#include "cassle/models/weights/weights.h"

namespace cassle {
namespace {

constexpr char kOnnxName[] = "model.onnx";

// Shorter side after resizing, as embed takes it.
int ResizePx(const v1::ExportWeightsOptions& options, const v1::ModelSpec& spec) {
  return options.resize_px() == 0 ? spec.image_size() : options.resize_px();
}

absl::Status CheckOrigin(const v1::ExportWeightsOptions& options, const v1::ModelSpec& spec,
                         const std::string& weights_fingerprint, const ProbeClassifiers& probe,
                         StageContext& context) {
  if (probe.weights_fingerprint != weights_fingerprint) {
    return absl::InvalidArgumentError(
        absl::StrCat("--classifier: ", options.classifier(), " learnt from another encoder than ",
                     options.input(), ": name the probe of its embeddings"));
  }
  if (!probe.readout.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--classifier: ", options.classifier(),
                     " learnt from other features than the network's own (embed --layer, "
                     "--last_layers or --tokens), which model.onnx does not give: embed and learn "
                     "without these"));
  }
  const int resize_px = ResizePx(options, spec);
  const std::string& prepared = probe.preprocess_fingerprint;
  if (prepared == PreprocessFingerprint(spec, resize_px, /*bfloat16=*/true)) {
    context.Note("the classifier learnt from features in bf16; those of model.onnx are in float32");
    return absl::OkStatus();
  }
  if (prepared == PreprocessFingerprint(spec, resize_px, /*bfloat16=*/false)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--classifier: ", options.classifier(), " learnt from images that were not resized to ",
      resize_px, " px: give the --resize_px that embed had"));
}

// How an image becomes input, for programs (JSON) and people.
std::vector<std::pair<std::string, std::string>> Metadata(const v1::ExportWeightsOptions& options,
                                                          const v1::ModelSpec& spec,
                                                          const std::string& weights_fingerprint,
                                                          const ProbeClassifiers& probe) {
  const auto json = [](const auto& values) {
    return nlohmann::json(std::vector<double>(values.begin(), values.end())).dump();
  };
  std::vector<std::pair<std::string, std::string>> metadata = {
      {"preprocessing",
       "RGB; shorter side resized to resize_px (bicubic, as Pillow); centre cropped to image_size; "
       "(value / 255 - mean) / std; channels first"},
      {"resize_px", absl::StrCat(ResizePx(options, spec))},
      {"image_size", absl::StrCat(spec.image_size())},
      {"mean", json(spec.mean())},
      {"std", json(spec.std())},
      {"provenance", spec.provenance()},
      {"weights_fingerprint", weights_fingerprint},
      {kModelMetadata, PrintTextProto(spec)},
  };
  for (const ProbeClassifier& classifier : probe.targets) {
    metadata.emplace_back("classes." + classifier.target,
                          nlohmann::json(classifier.classes)
                              .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
  return metadata;
}

// How the model is run.
std::string InPython(const ProbeClassifiers& probe) {
  std::string outputs = absl::StrCat("'", kOnnxFeatures, "'");
  for (const ProbeClassifier& classifier : probe.targets) {
    absl::StrAppend(&outputs, ", '", kOnnxLogits, classifier.target, "'");
  }
  return absl::StrCat("session = onnxruntime.InferenceSession('", kOnnxName, "'); features, ",
                      probe.targets.empty() ? "" : "*logits ", "= session.run([", outputs, "], {'",
                      kOnnxImages, "': images})");
}

}  // namespace

absl::Status ExportOnnx(const v1::ExportWeightsOptions& options, const v1::ModelSpec& spec,
                        const Backbone& backbone, StageContext& context) {
  if (options.resize_px() != 0 && options.resize_px() < spec.image_size()) {
    return absl::InvalidArgumentError(absl::StrCat("--resize_px=", options.resize_px(),
                                                   " is below the model's image size ",
                                                   spec.image_size()));
  }
  const std::string weights_fingerprint = WeightsFingerprint(backbone);
  ProbeClassifiers probe;
  if (options.classifier().empty()) {
    CASSLE_ASSIGN_OR_RETURN(probe.targets, ReadHead(options.input()));
  } else {
    absl::StatusOr<ProbeClassifiers> read = ReadProbeClassifiers(options.classifier());
    if (!read.ok()) return Annotate(read.status(), "--classifier");
    probe = *std::move(read);
    CASSLE_RETURN_IF_ERROR(CheckOrigin(options, spec, weights_fingerprint, probe, context));
  }
  const std::string python = InPython(probe);
  OnnxModelParts parts;
  parts.spec = spec;
  parts.backbone = &backbone;
  parts.metadata = Metadata(options, spec, weights_fingerprint, probe);
  parts.classifiers = std::move(probe.targets);
  CASSLE_ASSIGN_OR_RETURN(const std::string bytes, MakeOnnxModel(parts));
  CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(context.output_dir(), kOnnxName), bytes));
  v1::ExportWeightsResult result;
  result.set_tensors(static_cast<int64_t>(backbone.state().size()));
  result.set_weights_fingerprint(weights_fingerprint);
  result.set_python(python);
  context.Say(absl::StrCat("in Python: ", result.python()));
  return context.SetResult(result);
}

}  // namespace cassle
