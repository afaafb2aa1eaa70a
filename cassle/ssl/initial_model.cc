#include "cassle/ssl/initial_model.h"

#include <google/protobuf/text_format.h>
#include <google/protobuf/util/message_differencer.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "cassle/base/file.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/projector_folder.h"
#include "cassle/models/weights/weights.h"

namespace cassle {
namespace {

constexpr char kFrozen[] = "frozen_patch_embedding";

std::string ValueOf(const v1::BackboneConfig& config,
                    const google::protobuf::FieldDescriptor* field) {
  std::string text;
  google::protobuf::TextFormat::PrintFieldValueToString(config, field, -1, &text);
  return text;
}

// The first setting in which two projectors differ whose tensors may be alike:
// "conditioning.injection: ADDITION -> MULTIPLICATION"; empty if none.
std::string DifferenceBesideShapes(v1::ProjectorSpec a, v1::ProjectorSpec b) {
  for (v1::ProjectorSpec* spec : {&a, &b}) {
    v1::ConditioningConfig& conditioning = *spec->mutable_conditioning();
    // Compared by itself; of another network.
    conditioning.clear_groups();
    conditioning.clear_predictor();
    // Left out they mean the same.
    if (!conditioning.has_strength()) conditioning.set_strength(1);
    if (!conditioning.has_final_norm()) conditioning.set_final_norm(true);
    if (!conditioning.has_hypernetwork_norm()) conditioning.set_hypernetwork_norm(false);
    if (!conditioning.has_hypernetwork_last_norm()) conditioning.set_hypernetwork_last_norm(true);
  }
  google::protobuf::util::MessageDifferencer differencer;
  std::string report;
  differencer.ReportDifferencesToString(&report);
  if (differencer.Compare(a, b)) return "";
  const absl::string_view first = absl::string_view(report).substr(0, report.find('\n'));
  return std::string(absl::StripPrefix(first, "modified: "));
}

}  // namespace

absl::StatusOr<v1::ModelSpec> ReadInitialSpec(const std::string& folder) {
  CASSLE_ASSIGN_OR_RETURN(v1::ModelSpec spec, ReadModelSpec(folder));
  if (spec.backbone().extra_channels_size() > 0) {
    return absl::FailedPreconditionError(
        absl::StrCat("--initial_model: ", folder,
                     " was conditioned by image channels, and its backbone takes more than R G B: "
                     "choose a model with another injection"));
  }
  CASSLE_ASSIGN_OR_RETURN(*spec.mutable_backbone(),
                          ResolveBackbone(spec.backbone(), spec.image_size()));
  return spec;
}

absl::StatusOr<v1::BackboneConfig> InitialBackbone(const v1::ModelSpec& initial,
                                                   const v1::BackboneConfig& chosen) {
  v1::BackboneConfig config = initial.backbone();
  std::vector<const google::protobuf::FieldDescriptor*> fields;
  chosen.GetReflection()->ListFields(chosen, &fields);
  for (const google::protobuf::FieldDescriptor* field : fields) {
    if (field->name() == kFrozen && config.patch_size() > 0) {
      config.set_frozen_patch_embedding(chosen.frozen_patch_embedding());
      continue;
    }
    const bool has = field->is_repeated() || config.GetReflection()->HasField(config, field);
    const std::string own = has && !field->is_repeated() ? ValueOf(config, field) : "none";
    if (!field->is_repeated() && has && own == ValueOf(chosen, field)) continue;
    return absl::InvalidArgumentError(
        absl::StrCat("--backbone.", field->name(), ": the initial model, a ", config.architecture(),
                     ", has ", own,
                     " and not what is chosen here; leave the flag out, or choose another "
                     "--initial_model"));
  }
  return config;
}

absl::StatusOr<std::shared_ptr<Backbone>> LoadInitialBackbone(const std::string& folder,
                                                              const v1::BackboneConfig& config) {
  CASSLE_ASSIGN_OR_RETURN(const std::shared_ptr<Backbone> backbone, LoadBackbone(folder, config));
  backbone->train();
  backbone->set_requires_grad(true);
  return backbone;
}

absl::Status LoadInitialProjector(const std::string& folder, const std::vector<std::string>& groups,
                                  ConditionedProjector* projector) {
  CASSLE_ASSIGN_OR_RETURN(const std::shared_ptr<ConditionedProjector> initial,
                          LoadProjector(folder));
  if (initial == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("--initial_projector: ", folder,
                     " has no projector; leave the flag out, and it starts fresh"));
  }
  const auto& told = initial->spec().conditioning().groups();
  // An imported one does not say which groups it was told.
  if (!told.empty() && std::vector<std::string>(told.begin(), told.end()) != groups) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--initial_projector: that of ", folder, " is told ", absl::StrJoin(told, ", "),
        ", and this run's ", groups.empty() ? "nothing" : absl::StrJoin(groups, ", "),
        ": choose them by --conditioning.groups, or leave the flag out"));
  }
  const bool relative = initial->spec().conditioning().relative();
  if (relative != projector->spec().conditioning().relative()) {
    return absl::FailedPreconditionError(
        absl::StrCat("--initial_projector: that of ", folder, " is told ",
                     relative ? "how two views differ" : "of each view by itself",
                     ": choose --conditioning.relative=", relative ? "true" : "false",
                     ", or leave the flag out"));
  }
  CASSLE_ASSIGN_OR_RETURN(const SafetensorsFile weights,
                          SafetensorsFile::Open(JoinPath(folder, kModelWeightsName)));
  CASSLE_RETURN_IF_ERROR(
      Annotate(LoadModule(weights, "projector.", projector), "--initial_projector"));
  const std::string difference =
      told.empty() ? "" : DifferenceBesideShapes(initial->spec(), projector->spec());
  if (difference.empty()) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("--initial_projector: that of ", folder, " computes something else (",
                   difference, " in this run): choose it alike, or leave the flag out"));
}

std::vector<std::string> InitialNotes(const v1::ModelSpec& initial, int size,
                                      const std::vector<double>& mean,
                                      const std::vector<double>& std) {
  std::vector<std::string> notes;
  const auto differ = [](const auto& own, const std::vector<double>& other) {
    return std::vector<double>(own.begin(), own.end()) != other;
  };
  if (differ(initial.mean(), mean) || differ(initial.std(), std)) {
    notes.push_back(absl::StrCat("images are normalised as the initial model's (mean ",
                                 absl::StrJoin(initial.mean(), ", "), "; std ",
                                 absl::StrJoin(initial.std(), ", "), "), not as the policy says"));
  }
  if (initial.image_size() != size) {
    notes.push_back(absl::StrCat("the initial model saw images of ", initial.image_size(),
                                 " px, and sees ", size,
                                 " px now: its features are others from the start"));
  }
  return notes;
}

}  // namespace cassle
