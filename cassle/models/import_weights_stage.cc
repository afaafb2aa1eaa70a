#include "cassle/models/import_weights_stage.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/isfinite.h>
#include <c10/core/GradMode.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/exchange/projector_names.h"
#include "cassle/models/exchange/torch_file.h"
#include "cassle/models/exchange/weight_names.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/vit.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/weights.h"
#include "cassle/runtime/torch_guard.h"
#include "cassle/runtime/torch_runtime.h"

namespace cassle {
namespace {

constexpr double kImageNetMean[] = {0.485, 0.456, 0.406};
constexpr double kImageNetStd[] = {0.229, 0.224, 0.225};
// Of averages of other networks; what they average is in the file too.
constexpr const char* kAverages[] = {"momentum", "encoder_k", "ema", "target"};
constexpr char kBatchCounter[] = "num_batches_tracked";

using Arrays = std::map<std::string, const WeightArray*>;

absl::StatusOr<std::string> ChoosePrefix(const std::string& wanted,
                                         const std::vector<WeightArray>& arrays) {
  std::vector<std::string> names;
  for (const WeightArray& array : arrays) names.push_back(array.name);
  const std::vector<std::string> found = FindBackbones(names);
  const auto shown = [](const std::vector<std::string>& prefixes) {
    return absl::StrCat("\"", absl::StrJoin(prefixes, "\", \""), "\"");
  };
  if (found.empty()) {
    const std::vector<std::string> first(names.begin(),
                                         names.begin() + std::min<size_t>(4, names.size()));
    return absl::DataLossError(absl::StrCat("no ResNet or vision transformer was found among its ",
                                            names.size(), " tensors (", absl::StrJoin(first, ", "),
                                            first.size() < names.size() ? ", ..." : "", ")"));
  }
  std::vector<std::string> trained;
  for (const std::string& prefix : found) {
    if (!wanted.empty() && prefix == wanted) return prefix;
    bool average = false;
    for (const char* word : kAverages) average = average || absl::StrContains(prefix, word);
    if (!average) trained.push_back(prefix);
  }
  if (!wanted.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--prefix=", wanted, ": no backbone is there; there is one under ", shown(found)));
  }
  const std::vector<std::string>& candidates = trained.empty() ? found : trained;
  if (candidates.size() > 1) {
    return absl::DataLossError(
        absl::StrCat("it holds backbones under ", shown(candidates), ": choose one with --prefix"));
  }
  return candidates[0];
}

// The network or other object that a tensor belongs to: the first part of its name, behind
// wrappers.
std::string Owner(const std::string& name) {
  size_t end = 0;
  for (const char* wrapper : {"state_dict.", "module."}) {
    const absl::string_view rest = absl::string_view(name).substr(end);
    if (absl::StartsWith(rest, wrapper)) end += absl::string_view(wrapper).size();
  }
  return name.substr(0, name.find('.', end));
}

// The backbone's tensors in our names, without heads. What is left out is counted in
// `ignored` by the beginning of its name.
Arrays SelectBackbone(const std::string& prefix, const std::vector<WeightArray>& arrays,
                      std::map<std::string, int>* ignored) {
  Arrays selected;
  for (const WeightArray& array : arrays) {
    if (!absl::StartsWith(array.name, prefix)) {
      ++(*ignored)[Owner(array.name)];
      continue;
    }
    const std::string name = array.name.substr(prefix.size());
    if (IsHead(name)) {
      ++(*ignored)[absl::StrCat(prefix, name.substr(0, name.find('.')))];
    } else {
      selected[FromTorchvisionName(name)] = &array;
    }
  }
  return selected;
}

TensorView ViewOf(const WeightArray& array) { return {array.dtype, array.shape, array.bytes}; }

absl::StatusOr<v1::BackboneConfig> ResolveImported(const v1::ImportWeightsOptions& options,
                                                   const Arrays& arrays) {
  std::vector<TensorSignature> signatures;
  for (const auto& [name, array] : arrays) signatures.push_back({name, array->dtype, array->shape});
  CASSLE_ASSIGN_OR_RETURN(v1::BackboneConfig config, DetectBackbone(signatures));
  const auto table = arrays.find("pos_embed");
  if (table != arrays.end()) {
    const at::Tensor positions = ToTensor(ViewOf(*table->second));
    const at::Tensor fixed =
        SinCosPositions(config.image_size() / config.patch_size(), positions.size(2));
    // The official table is computed in float32, or was stored in half precision.
    const bool sincos = positions.scalar_type() == at::kFloat &&
                        (positions - fixed).abs().max().item<double>() < 1e-3;
    config.set_positions(sincos ? v1::SINCOS : v1::LEARNED);
  }
  config.MergeFrom(options.backbone());
  return ResolveBackbone(config, config.image_size());
}

absl::Status Load(const Arrays& arrays, Backbone* backbone) {
  const c10::NoGradGuard no_grad;
  const std::vector<NamedTensor> state = backbone->state();
  CASSLE_ASSIGN_OR_RETURN(const std::vector<TensorSignature> expected, Signatures(state, ""));
  std::vector<TensorSignature> found;
  for (const auto& [name, array] : arrays) found.push_back({name, array->dtype, array->shape});
  // Files from before PyTorch 0.4.1 have no counters of batches, which nothing here depends on.
  for (const TensorSignature& tensor : expected) {
    if (absl::EndsWith(tensor.name, kBatchCounter) && arrays.count(tensor.name) == 0) {
      found.push_back(tensor);
    }
  }
  const std::string difference = DescribeDifference(expected, found);
  if (!difference.empty()) {
    return absl::DataLossError(absl::StrCat("the weights do not fit: ", difference));
  }
  for (const NamedTensor& entry : state) {
    const auto array = arrays.find(entry.name);
    if (array == arrays.end()) {
      entry.tensor.zero_();
      continue;
    }
    const at::Tensor values = ToTensor(ViewOf(*array->second));
    if (!at::isfinite(values).all().item<bool>()) {
      return absl::DataLossError(
          absl::StrCat("tensor ", array->second->name, " holds values that are not finite"));
    }
    entry.tensor.copy_(values);
  }
  return absl::OkStatus();
}

absl::Status FillNormalization(const v1::ImportWeightsOptions& options, v1::ModelSpec* spec) {
  if (options.mean_size() != 0) {
    *spec->mutable_mean() = options.mean();
  } else {
    for (double value : kImageNetMean) spec->add_mean(value);
  }
  if (options.std_size() != 0) {
    *spec->mutable_std() = options.std();
  } else {
    for (double value : kImageNetStd) spec->add_std(value);
  }
  return Annotate(CheckModelSpec(*spec), "--image_size, --mean, --std");
}

absl::Status Import(const v1::ImportWeightsOptions& options, StageContext& context) {
  if (context.streaming()) {
    return absl::InvalidArgumentError("--output=-: a model is a folder, not a stream");
  }
  if (options.input().empty()) {
    return absl::InvalidArgumentError("--input is missing: name a .pth, .pt or .safetensors file");
  }
  ConfigureTorch(/*compute_threads=*/1);
  CASSLE_ASSIGN_OR_RETURN(const std::vector<WeightArray> all, ReadWeightFile(options.input()));
  absl::StatusOr<std::string> prefix = ChoosePrefix(options.prefix(), all);
  if (!prefix.ok()) return Annotate(prefix.status(), options.input());
  std::map<std::string, int> ignored;
  const Arrays arrays = SelectBackbone(*prefix, all, &ignored);
  const absl::StatusOr<v1::BackboneConfig> config = ResolveImported(options, arrays);
  if (!config.ok()) return Annotate(config.status(), options.input());
  CASSLE_ASSIGN_OR_RETURN(const std::shared_ptr<Backbone> backbone,
                          MakeBackbone(*config, /*seed=*/0));
  const std::vector<ProjectorTensor> projector =
      FindProjector(*prefix, all, backbone->feature_size());
  CASSLE_RETURN_IF_ERROR(Annotate(Load(arrays, backbone.get()), options.input()));

  SafetensorsWriter weights;
  CASSLE_RETURN_IF_ERROR(SaveModule(*backbone, "backbone.", &weights));
  for (const ProjectorTensor& tensor : projector) {
    weights.Add(absl::StrCat("projector.", tensor.name), tensor.array->dtype, tensor.array->shape,
                tensor.array->bytes);
  }
  if (!projector.empty()) ignored.erase("projector");
  v1::ModelSpec spec;
  *spec.mutable_backbone() = *config;
  spec.set_image_size(options.image_size() != 0     ? options.image_size()
                      : config->image_size() != 0   ? config->image_size()
                      : config->stem() == v1::CIFAR ? 32
                                                    : 224);
  spec.set_provenance(options.provenance());
  CASSLE_RETURN_IF_ERROR(FillNormalization(options, &spec));
  CASSLE_RETURN_IF_ERROR(weights.Write(JoinPath(context.output_dir(), kModelWeightsName)));
  CASSLE_RETURN_IF_ERROR(
      WriteFile(JoinPath(context.output_dir(), kModelSpecName), PrintTextProto(spec)));

  const std::string positions = ResizedPositionsSentence(spec.backbone(), spec.image_size());
  if (!positions.empty()) context.Note(positions);

  v1::ImportWeightsResult result;
  *result.mutable_backbone() = *config;
  result.set_image_size(spec.image_size());
  result.set_prefix(*prefix);
  result.set_tensors(static_cast<int64_t>(backbone->state().size()));
  result.set_projector_tensors(static_cast<int64_t>(projector.size()));
  for (const auto& [name, count] : ignored) {
    result.add_ignored(absl::StrCat(name, " (", count, count == 1 ? " tensor)" : " tensors)"));
  }
  result.set_weights_fingerprint(WeightsFingerprint(*backbone));
  context.Say(absl::StrCat(
      config->architecture(), " of ", result.tensors(), " tensors",
      prefix->empty() ? "" : absl::StrCat(" under \"", *prefix, "\""),
      projector.empty() ? "" : absl::StrCat(", projector of ", projector.size()),
      ignored.empty() ? "" : absl::StrCat("; left out: ", absl::StrJoin(result.ignored(), ", "))));
  if (config->heads() != 0 && options.backbone().heads() == 0) {
    context.Say(
        absl::StrCat("attention heads: ", config->heads(),
                     " assumed, since shapes do not tell; --backbone.heads says otherwise"));
  }
  return context.SetResult(result);
}

}  // namespace

StageInfo ImportWeightsInfo() {
  return {.name = "import-weights",
          .version = 1,
          .summary =
              "Makes a model of weights from elsewhere: PyTorch's files and safetensors, "
              "torchvision's, timm's and the authors' networks."};
}

absl::Status RunImportWeights(const v1::ImportWeightsOptions& options, StageContext& context) {
  return CatchTorch([&] { return Import(options, context); });
}

}  // namespace cassle
