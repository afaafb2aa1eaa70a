#include "cassle/models/import_weights_stage.h"

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/exchange/backbone_choice.h"
#include "cassle/models/exchange/backbone_tensors.h"
#include "cassle/models/exchange/configs/foreign_config.h"
#include "cassle/models/exchange/projector_names.h"
#include "cassle/models/exchange/weight_file.h"
#include "cassle/models/imported_projector.h"
#include "cassle/models/imported_spec.h"
#include "cassle/models/imported_tensors.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/told_by_names.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/weights.h"
#include "cassle/runtime/torch_guard.h"
#include "cassle/runtime/torch_runtime.h"

namespace cassle {
namespace {

constexpr size_t kShownOwners = 12;

// "62 tensors are float16 in the file and float32 here".
void NoteConversions(const BackboneTensors& tensors, StageContext* context) {
  std::map<absl::string_view, int> converted;
  for (const auto& [name, array] : tensors.arrays) {
    if (array->dtype == DType::kF32 && array->stored != ElementType::kF32) {
      ++converted[ElementName(array->stored)];
    }
  }
  for (const auto& [type, count] : converted) {
    context->Note(absl::StrCat(count, count == 1 ? " tensor is " : " tensors are ", type,
                               " in the file and float32 here"));
  }
}

std::vector<std::string> Owners(const std::map<std::string, int>& left_out) {
  std::vector<std::string> owners;
  for (const auto& [name, count] : left_out) {
    owners.push_back(absl::StrCat(name, " (", count, count == 1 ? " tensor)" : " tensors)"));
  }
  return owners;
}

void NoteLeftOut(const std::map<std::string, int>& left_out, StageContext* context) {
  if (left_out.empty()) return;
  int tensors = 0;
  for (const auto& [name, count] : left_out) tensors += count;
  std::vector<std::string> shown = Owners(left_out);
  const size_t more = shown.size() - std::min(shown.size(), kShownOwners);
  shown.resize(shown.size() - more);
  context->Note(absl::StrCat(tensors, tensors == 1 ? " tensor was" : " tensors were",
                             " left out: ", absl::StrJoin(shown, ", "),
                             more == 0 ? "" : absl::StrCat(" and ", more, " more")));
}

// What is imported beside the backbone was not left out.
void ForgetTaken(const std::vector<ProjectorTensor>& taken, std::map<std::string, int>* left_out) {
  for (const ProjectorTensor& tensor : taken) {
    const auto owner = left_out->find(OwnerOf(tensor.array->name));
    if (owner != left_out->end() && --owner->second == 0) left_out->erase(owner);
  }
}

// Objects in the place of values, which a training script keeps beside the weights.
void NoteUnread(const WeightFile& file, const std::string& prefix, StageContext* context) {
  for (const PickledModule& module : file.modules) {
    if (!module.name.empty() && !absl::StartsWith(prefix, absl::StrCat(module.name, "."))) continue;
    context->Note(absl::StrCat("the tensors were taken out of a pickled ", module.what,
                               ", whose code was not looked at; strides, pooling, eps, heads and "
                               "activations of its modules were"));
    break;
  }
  std::map<std::string, int> kinds;
  for (const UnreadValue& value : file.unread) ++kinds[value.what];
  if (kinds.empty()) return;
  std::vector<std::string> shown;
  int count = 0;
  for (const auto& [what, times] : kinds) {
    count += times;
    if (shown.size() < kShownOwners) shown.push_back(absl::StrCat(what, " (", times, ")"));
  }
  context->Note(absl::StrCat(count, count == 1 ? " object" : " objects",
                             " without weights not read: ", absl::StrJoin(shown, ", "),
                             kinds.size() > shown.size()
                                 ? absl::StrCat(" and ", kinds.size() - shown.size(), " more")
                                 : ""));
}

constexpr char kConfig[] = "config.json", kPreprocessor[] = "preprocessor_config.json";

// That each file that --beside names is one that is read: no other name has a meaning.
absl::Status CheckBeside(const std::vector<std::string>& beside, const std::string& weights) {
  std::set<std::string> read = {kConfig, kPreprocessor, kModelSpecName};
  for (const std::string& path : FilesBeside(weights)) read.insert(BaseName(path));
  for (const std::string& path : beside) {
    if (read.count(BaseName(path)) > 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        "--beside=", path, ": a file of this name is not read; those are ", kConfig, ", ",
        kPreprocessor, ", ", kModelSpecName, " and the parts that --input lists"));
  }
  return absl::OkStatus();
}

// Reads what lies beside the weights into `file` and `config`.
absl::Status ReadBeside(const std::vector<std::string>& beside, WeightFile* file,
                        ForeignConfig* config, StageContext* context) {
  std::map<std::string, std::string> texts, paths;
  for (const std::string& path : beside) {
    const std::string name = BaseName(path);
    if (name != kConfig && name != kPreprocessor && name != kModelSpecName) continue;
    CASSLE_ASSIGN_OR_RETURN(texts[name], ReadFile(path));
    paths[name] = path;
  }
  if (texts.count(kModelSpecName) > 0)
    file->metadata.emplace(kModelMetadata, texts[kModelSpecName]);
  if (file->metadata.count(kModelMetadata) > 0) {
    for (const char* name : {kConfig, kPreprocessor}) {
      if (texts.count(name) == 0) continue;
      context->Note(
          absl::StrCat(name, " beside the weights was not used: they describe themselves"));
    }
    return absl::OkStatus();
  }
  if (texts.count(kConfig) > 0) {
    absl::StatusOr<ForeignConfig> parsed = ParseForeignConfig(texts[kConfig]);
    if (!parsed.ok()) return Annotate(parsed.status(), paths[kConfig]);
    *config = *std::move(parsed);
    if (config->model.empty() && config->unknown.empty()) {
      context->Note(
          "config.json beside the weights was not used: it names neither model_type nor "
          "architecture");
    }
  }
  if (texts.count(kPreprocessor) == 0) return absl::OkStatus();
  return Annotate(AddPreprocessing(texts[kPreprocessor], config), paths[kPreprocessor]);
}

absl::Status WriteModel(const v1::ModelSpec& spec, const Backbone& backbone,
                        const std::vector<ProjectorTensor>& projector,
                        const StageContext& context) {
  SafetensorsWriter weights;
  CASSLE_RETURN_IF_ERROR(SaveModule(backbone, "backbone.", &weights));
  for (const ProjectorTensor& tensor : projector) {
    weights.Add(absl::StrCat("projector.", tensor.name), tensor.array->dtype, tensor.array->shape,
                tensor.array->bytes);
  }
  CASSLE_RETURN_IF_ERROR(weights.Write(JoinPath(context.output_dir(), kModelWeightsName)));
  return WriteFile(JoinPath(context.output_dir(), kModelSpecName), PrintTextProto(spec));
}

// Of a file named `path`, which messages begin with.
absl::Status ImportFile(const v1::ImportWeightsOptions& options, const std::string& path,
                        WeightFile file, StageContext& context) {
  ForeignConfig config;
  const std::vector<std::string> given(options.beside().begin(), options.beside().end());
  CASSLE_RETURN_IF_ERROR(
      ReadBeside(given.empty() ? FilesBeside(path) : given, &file, &config, &context));
  const absl::StatusOr<BackboneChoice> choice = ChooseBackbone(options.prefix(), file);
  if (!choice.ok()) return Annotate(choice.status(), path);
  const FoundBackbone& found = choice->backbone;
  absl::StatusOr<BackboneTensors> tensors = SelectBackbone(found, file);
  if (!tensors.ok()) return Annotate(tensors.status(), path);
  const absl::StatusOr<ImportedSpec> described =
      DescribeImported(options, found, *tensors, file, config);
  if (!described.ok()) {
    return absl::IsInvalidArgument(described.status()) ? described.status()
                                                       : Annotate(described.status(), path);
  }
  const v1::ModelSpec& spec = described->spec;
  CASSLE_ASSIGN_OR_RETURN(const std::shared_ptr<Backbone> backbone,
                          MakeBackbone(spec.backbone(), /*seed=*/0));
  CASSLE_RETURN_IF_ERROR(Annotate(LoadImported(*tensors, backbone.get()), path));
  const absl::StatusOr<ImportedProjector> judged = JudgeProjector(
      FindProjector(found.prefix, file.arrays, backbone->feature_size()), backbone->feature_size());
  if (!judged.ok()) return Annotate(judged.status(), path);
  const std::vector<ProjectorTensor>& projector = judged->tensors;
  CASSLE_RETURN_IF_ERROR(WriteModel(spec, *backbone, projector, context));
  ForgetTaken(projector, &tensors->left_out);

  v1::ImportWeightsResult result;
  *result.mutable_backbone() = spec.backbone();
  result.set_image_size(spec.image_size());
  result.set_prefix(found.prefix);
  result.set_tensors(static_cast<int64_t>(backbone->state().size()));
  result.set_projector_tensors(static_cast<int64_t>(projector.size()));
  for (const std::string& owner : Owners(tensors->left_out)) result.add_ignored(owner);
  result.set_weights_fingerprint(WeightsFingerprint(*backbone));
  context.Say(absl::StrCat(
      spec.backbone().architecture(), " of ", result.tensors(), " tensors in ", found.family->name,
      found.prefix.empty() ? "" : absl::StrCat(" under \"", found.prefix, "\""),
      projector.empty() ? "" : absl::StrCat(", projector of ", projector.size())));
  if (file.has_changed) {
    context.Note(
        "the weights are not those that export-weights wrote (their checksum differs): the file "
        "was damaged, or another program changed it");
  }
  if (!choice->reason.empty()) context.Note(choice->reason);
  for (const std::string& note : described->notes) context.Note(note);
  const std::string called =
      options.backbone().architecture().empty() ? FileNameSentence(path, spec.backbone()) : "";
  if (!called.empty()) context.Note(called);
  for (const std::string& change : tensors->changes) context.Note(change);
  if (!judged->note.empty()) context.Note(judged->note);
  NoteConversions(*tensors, &context);
  NoteLeftOut(tensors->left_out, &context);
  NoteUnread(file, found.prefix, &context);
  return context.SetResult(result);
}

absl::Status Import(const v1::ImportWeightsOptions& options, StageContext& context) {
  if (context.streaming()) {
    return absl::InvalidArgumentError("--output=-: a model is a folder, not a stream");
  }
  if (options.input().empty()) {
    return absl::InvalidArgumentError("--input is missing: name a .pth, .pt or .safetensors file");
  }
  ConfigureTorch(/*compute_threads=*/1);
  CASSLE_ASSIGN_OR_RETURN(const std::string path, LocateWeights(options.input()));
  CASSLE_RETURN_IF_ERROR(CheckBeside({options.beside().begin(), options.beside().end()}, path));
  if (path != options.input()) {
    const std::vector<std::string> others = OtherWeights(path);
    context.Note(absl::StrCat(BaseName(path), " of the folder was read",
                              others.empty() ? "" : ", and not ", absl::StrJoin(others, ", ")));
  }
  CASSLE_ASSIGN_OR_RETURN(WeightFile file, ReadWeightFile(path));
  return ImportFile(options, path, std::move(file), context);
}

// What lies beside a file of weights is an input like the file itself.
absl::Status NameFilesBeside(google::protobuf::Message* message, StageContext*) {
  auto* options = static_cast<v1::ImportWeightsOptions*>(message);
  if (options->beside_size() != 0 || options->input().empty() || IsDirectory(options->input())) {
    return absl::OkStatus();
  }
  for (const std::string& path : FilesBeside(options->input())) options->add_beside(path);
  return absl::OkStatus();
}

}  // namespace

StageInfo ImportWeightsInfo() {
  return {.name = "import-weights",
          .version = 6,
          .summary =
              "Makes a model of weights from elsewhere: PyTorch's files and safetensors, "
              "torchvision's, timm's, Hugging Face's and the authors' networks.",
          .resolve = NameFilesBeside};
}

absl::Status RunImportWeights(const v1::ImportWeightsOptions& options, StageContext& context) {
  return CatchTorch([&] { return Import(options, context); });
}

}  // namespace cassle
