#include "cassle/models/weights/model_folder.h"

#include <cmath>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/networks/backbone_sizes.h"
#include "cassle/models/weights/weights.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

// As of a policy (cassle/augment/policies): what a network gets of any image is finite.
constexpr double kMinStd = 1e-6;

bool IsDescription(const std::string& path) {
  std::error_code error;
  return std::filesystem::is_regular_file(path, error);
}

// Other programs' files of weights, which describe no model.
absl::Status RefuseWeights(const std::string& path) {
  for (const char* ending :
       {".pth", ".pt", ".pth.tar", ".bin", ".ckpt", ".safetensors", ".index.json"}) {
    if (!absl::EndsWith(path, ending)) continue;
    return absl::DataLossError(
        absl::StrCat(path, " is a file of weights and no model: import-weights --input=", path,
                     " --output=model makes a model of it"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckModelSpec(const v1::ModelSpec& spec) {
  if (spec.image_size() < 1 || spec.image_size() > 16384) {
    return absl::InvalidArgumentError(
        absl::StrCat("image_size: ", spec.image_size(), " is outside 1..16384"));
  }
  const std::string& architecture = spec.backbone().architecture();
  if (FindConvNext(architecture) != nullptr && spec.image_size() < kConvNextMinImageSize) {
    return absl::InvalidArgumentError(
        absl::StrCat("image_size: a ", architecture, " needs images of at least ",
                     kConvNextMinImageSize, " px, not of ", spec.image_size()));
  }
  const int patch = spec.backbone().patch_size();
  if (patch > 0 && spec.image_size() % patch != 0) {
    const int below = spec.image_size() / patch * patch;
    return absl::InvalidArgumentError(absl::StrCat(
        "image_size: no whole number of patches of ", patch, " px fills ", spec.image_size(),
        " px; the nearest that are filled: ", below > 0 ? absl::StrCat(below, " and ") : "",
        below + patch));
  }
  if (spec.mean_size() != 3 || spec.std_size() != 3) {
    return absl::InvalidArgumentError("mean and std: each needs three values (R, G, B)");
  }
  for (int channel = 0; channel < 3; ++channel) {
    if (!std::isfinite(spec.mean(channel)) || !std::isfinite(spec.std(channel)) ||
        !(spec.std(channel) >= kMinStd)) {
      return absl::InvalidArgumentError(absl::StrCat("mean and std: channel ", channel, " is ",
                                                     spec.mean(channel), " and ", spec.std(channel),
                                                     "; std must be at least ", kMinStd));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::ModelSpec> ReadModelSpec(const std::string& path) {
  std::string file = path;
  v1::ModelSpec spec;
  if (IsDescription(path)) {
    CASSLE_RETURN_IF_ERROR(RefuseWeights(path));
    CASSLE_RETURN_IF_ERROR(ReadTextProto(file, &spec));
  } else {
    CASSLE_RETURN_IF_ERROR(
        RequireKind(path, kModelSpecName, "model (of pretrain, import-weights)"));
    file = JoinPath(path, kModelSpecName);
    CASSLE_RETURN_IF_ERROR(ReadStoredTextProto(file, &spec));
  }
  CASSLE_RETURN_IF_ERROR(Annotate(CheckModelSpec(spec), file));
  return spec;
}

absl::StatusOr<std::shared_ptr<Backbone>> LoadBackbone(const std::string& path) {
  CASSLE_ASSIGN_OR_RETURN(const v1::ModelSpec spec, ReadModelSpec(path));
  return LoadBackbone(path, spec.backbone());
}

absl::StatusOr<std::shared_ptr<Backbone>> LoadBackbone(const std::string& path,
                                                       const v1::BackboneConfig& config) {
  if (IsDescription(path)) {
    return absl::FailedPreconditionError(
        absl::StrCat(path, " describes a model but holds no weights: name the model's folder"));
  }
  absl::StatusOr<std::shared_ptr<Backbone>> made = MakeBackbone(config, /*seed=*/0);
  if (!made.ok()) return Annotate(made.status(), JoinPath(path, kModelSpecName));
  const std::shared_ptr<Backbone> backbone = *std::move(made);
  CASSLE_ASSIGN_OR_RETURN(const SafetensorsFile weights,
                          SafetensorsFile::Open(JoinPath(path, kModelWeightsName)));
  CASSLE_RETURN_IF_ERROR(LoadModule(weights, "backbone.", backbone.get()));
  backbone->eval();
  backbone->set_requires_grad(false);
  return backbone;
}

}  // namespace cassle
