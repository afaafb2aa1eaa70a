#include "cassle/models/weights/projector_folder.h"

#include <map>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/weights.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

constexpr char kPrefix[] = "projector.";
constexpr char kTrainAgain[] = "; train or import the model again with this version";

// What the state says of an Mlp named `part` ("mlp.", "conditioner.").
struct Layers {
  // [out, in] of the linear layers by their place in the sequence.
  std::map<int, std::vector<int64_t>> linears;
  // Places of batch norms; whether they are affine.
  std::map<int, bool> norms;
  // Places that have a bias.
  std::map<int, bool> biases;

  int64_t in() const { return linears.begin()->second[1]; }
  int64_t out() const { return linears.rbegin()->second[0]; }
  // Whether batch norm follows the linear layer at `place`.
  bool NormAfter(int place) const { return norms.count(place + 1) > 0; }
};

Layers LayersOf(const std::vector<TensorSignature>& state, absl::string_view part) {
  Layers layers;
  for (const TensorSignature& tensor : state) {
    absl::string_view name = tensor.name;
    int place = 0;
    if (!absl::ConsumePrefix(&name, part)) continue;
    const size_t dot = name.find('.');
    if (dot == absl::string_view::npos || !absl::SimpleAtoi(name.substr(0, dot), &place)) continue;
    const absl::string_view kind = name.substr(dot + 1);
    if (kind == "weight" && tensor.shape.size() == 2) layers.linears[place] = tensor.shape;
    if (kind == "running_mean") layers.norms.emplace(place, false);
    if (kind == "bias") layers.biases[place] = true;
  }
  for (const TensorSignature& tensor : state) {
    for (auto& [place, affine] : layers.norms) {
      if (tensor.name == absl::StrCat(part, place, ".weight")) affine = true;
    }
  }
  return layers;
}

// That all hidden layers have one size, that of the first.
absl::Status CheckHidden(const Layers& layers) {
  const int64_t hidden = layers.linears.begin()->second[0];
  const int first = layers.linears.begin()->first, last = layers.linears.rbegin()->first;
  for (const auto& [place, shape] : layers.linears) {
    if ((place == first || shape[1] == hidden) && (place == last || shape[0] == hidden)) continue;
    return absl::DataLossError(absl::StrCat("its linear layer ", place, " is [", shape[0], ", ",
                                            shape[1], "], and its first one gives ", hidden,
                                            " values, as all hidden layers would"));
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::MlpSpec> GuessMlp(const Layers& layers) {
  if (layers.linears.empty()) return absl::DataLossError("the projector has no linear layer");
  CASSLE_RETURN_IF_ERROR(CheckHidden(layers));
  const auto& [first, first_shape] = *layers.linears.begin();
  const int last = layers.linears.rbegin()->first;
  v1::MlpSpec mlp;
  mlp.set_in(layers.in());
  mlp.set_out(layers.out());
  mlp.set_depth(static_cast<int32_t>(layers.linears.size()));
  mlp.set_hidden(mlp.depth() > 1 ? first_shape[0] : 0);
  mlp.set_hidden_norm(mlp.depth() == 1 || layers.NormAfter(first));
  if (!mlp.hidden_norm()) {
    return absl::FailedPreconditionError(
        "the weights of the projector do not tell its activation, as no batch norm follows its "
        "layers: SimCLR's then has ReLU, DINO's GELU; --backbone_only=true measures the backbone "
        "alone, and without --initial_projector pretrain starts a fresh one");
  }
  mlp.set_last_norm(layers.NormAfter(last));
  mlp.set_last_norm_affine(!mlp.last_norm() || layers.norms.at(last + 1));
  mlp.set_last_bias(mlp.last_norm() || layers.biases.count(last) > 0);
  return mlp;
}

absl::StatusOr<v1::ProjectorSpec> GuessConditioned(const Layers& conditioner, v1::MlpSpec mlp,
                                                   int64_t feature_size) {
  CASSLE_RETURN_IF_ERROR(CheckHidden(conditioner));
  v1::ProjectorSpec spec;
  spec.set_descriptor_size(conditioner.in());
  v1::ConditioningConfig* conditioning = spec.mutable_conditioning();
  conditioning->set_treatment(v1::MLP);
  conditioning->set_depth(static_cast<int32_t>(conditioner.linears.size()));
  conditioning->set_width(static_cast<int32_t>(conditioner.linears.begin()->second[0]));
  if (!conditioner.NormAfter(conditioner.linears.rbegin()->first)) {
    conditioning->set_final_norm(false);
  }
  if (mlp.in() == feature_size + conditioner.out()) {
    if (conditioner.out() != conditioning->width()) {
      return absl::DataLossError(absl::StrCat("its descriptor becomes ", conditioner.out(),
                                              " values by layers of ", conditioning->width()));
    }
    conditioning->set_injection(v1::CONCATENATION);
  } else if (mlp.in() == feature_size && conditioner.out() != feature_size) {
    conditioning->set_injection(v1::IMAGE_CHANNELS);
  } else {
    return absl::FailedPreconditionError(
        absl::StrCat("the weights of the projector do not tell whether it adds or multiplies what "
                     "became of the descriptor",
                     kTrainAgain));
  }
  mlp.set_in(feature_size);
  *spec.mutable_mlp() = mlp;
  return spec;
}

}  // namespace

absl::StatusOr<v1::ProjectorSpec> GuessProjector(const std::vector<TensorSignature>& state,
                                                 int64_t feature_size) {
  for (const TensorSignature& tensor : state) {
    if (absl::StartsWith(tensor.name, "mlp.generator.")) {
      return absl::FailedPreconditionError(absl::StrCat(
          "the weights of a hypernetwork do not tell its projector's sizes", kTrainAgain));
    }
  }
  CASSLE_ASSIGN_OR_RETURN(v1::MlpSpec mlp, GuessMlp(LayersOf(state, "mlp.")));
  const Layers conditioner = LayersOf(state, "conditioner.");
  if (!conditioner.linears.empty()) return GuessConditioned(conditioner, mlp, feature_size);
  v1::ProjectorSpec spec;
  const int64_t added = mlp.in() - feature_size;
  if (added < 0) {
    return absl::DataLossError(absl::StrCat("the projector takes ", mlp.in(),
                                            " values, fewer than the ", feature_size,
                                            " features of the backbone"));
  }
  spec.mutable_conditioning()->set_treatment(added > 0 ? v1::RAW : v1::NONE);
  spec.set_descriptor_size(added);
  mlp.set_in(feature_size);
  *spec.mutable_mlp() = mlp;
  return spec;
}

absl::StatusOr<std::shared_ptr<ConditionedProjector>> LoadProjector(const std::string& folder) {
  CASSLE_RETURN_IF_ERROR(RequireComplete(folder));
  const std::string weights_path = JoinPath(folder, kModelWeightsName);
  CASSLE_ASSIGN_OR_RETURN(const SafetensorsFile weights, SafetensorsFile::Open(weights_path));
  std::vector<TensorSignature> state;
  for (const std::string& name : weights.names()) {
    if (!absl::StartsWith(name, kPrefix)) continue;
    CASSLE_ASSIGN_OR_RETURN(const TensorView view, weights.Get(name));
    state.push_back({name.substr(sizeof(kPrefix) - 1), view.dtype, view.shape});
  }
  if (state.empty()) return std::shared_ptr<ConditionedProjector>();
  v1::ProjectorSpec spec;
  std::string origin = JoinPath(folder, kProjectorSpecName);
  if (FileExists(origin)) {
    CASSLE_RETURN_IF_ERROR(ReadStoredTextProto(origin, &spec));
  } else {
    origin = weights_path;
    CASSLE_ASSIGN_OR_RETURN(const v1::ModelSpec model, ReadModelSpec(folder));
    CASSLE_ASSIGN_OR_RETURN(const auto backbone, MakeBackbone(model.backbone(), /*seed=*/0));
    absl::StatusOr<v1::ProjectorSpec> guessed = GuessProjector(state, backbone->feature_size());
    if (!guessed.ok()) return Annotate(guessed.status(), origin);
    spec = *std::move(guessed);
  }
  absl::StatusOr<std::shared_ptr<ConditionedProjector>> made = MakeProjector(spec);
  if (!made.ok()) return Annotate(made.status(), origin);
  const std::shared_ptr<ConditionedProjector> projector = *std::move(made);
  CASSLE_RETURN_IF_ERROR(LoadModule(weights, kPrefix, projector.get()));
  projector->eval();
  projector->set_requires_grad(false);
  return projector;
}

}  // namespace cassle
