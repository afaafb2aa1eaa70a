#include "cassle/ssl/training/trained_model.h"

#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/projector_folder.h"
#include "cassle/models/weights/weights.h"

namespace cassle {

absl::Status WriteTrainedModel(const Method& method, const v1::ModelSpec& spec,
                               const v1::Policy& policy, const std::vector<std::string>& groups,
                               const std::string& folder) {
  const ConditionedProjector& projector = method.projector();
  SafetensorsWriter weights;
  CASSLE_RETURN_IF_ERROR(SaveModule(method.backbone(), "backbone.", &weights));
  CASSLE_RETURN_IF_ERROR(SaveModule(projector, "projector.", &weights));
  CASSLE_RETURN_IF_ERROR(weights.Write(JoinPath(folder, kModelWeightsName)));
  v1::ProjectorSpec description = projector.spec();
  description.mutable_conditioning()->clear_groups();
  for (const std::string& group : groups) description.mutable_conditioning()->add_groups(group);
  CASSLE_RETURN_IF_ERROR(
      WriteFile(JoinPath(folder, kProjectorSpecName), PrintTextProto(description)));
  CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(folder, kPolicyName), PrintTextProto(policy)));
  return WriteFile(JoinPath(folder, kModelSpecName), PrintTextProto(spec));
}

}  // namespace cassle
