#include "cassle/models/imported_projector.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/imported_tensors.h"
#include "cassle/models/networks/conditioning.h"
#include "cassle/models/weights/projector_folder.h"
#include "cassle/models/weights/state_difference.h"
#include "cassle/models/weights/weights.h"

namespace cassle {
namespace {

// That the projector of this description has this state.
absl::Status CheckFit(const v1::ProjectorSpec& spec, const std::vector<TensorSignature>& state) {
  CASSLE_ASSIGN_OR_RETURN(const auto projector, MakeProjector(spec));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<TensorSignature> expected,
                          Signatures(projector->state(), ""));
  const std::string difference = DescribeDifference(expected, state);
  return difference.empty() ? absl::OkStatus() : absl::DataLossError(difference);
}

}  // namespace

absl::StatusOr<ImportedProjector> JudgeProjector(const std::vector<ProjectorTensor>& found,
                                                 int64_t feature_size) {
  if (found.empty()) return ImportedProjector();
  std::vector<TensorSignature> state;
  for (const ProjectorTensor& tensor : found) {
    state.push_back({tensor.name, tensor.array->dtype, tensor.array->shape});
  }
  const absl::StatusOr<v1::ProjectorSpec> spec = GuessProjector(state, feature_size);
  const bool told = !absl::IsFailedPrecondition(spec.status());
  const absl::Status fit = spec.ok() ? CheckFit(*spec, state) : spec.status();
  if (told && !fit.ok()) {
    return ImportedProjector{
        {}, absl::StrCat("the projector was left out, as none here is built so: ", fit.message())};
  }
  for (const ProjectorTensor& tensor : found) {
    CASSLE_RETURN_IF_ERROR(CheckValues(*tensor.array, tensor.name));
  }
  return ImportedProjector{found, told ? "" : std::string(fit.message())};
}

}  // namespace cassle
