#include "cassle/ssl/checkpoint.h"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/state_difference.h"
#include "cassle/models/weights.h"

namespace cassle {
namespace {

constexpr char kPrefix[] = "checkpoint-";
constexpr char kUnfinishedSuffix[] = ".writing";
constexpr char kTensorsFile[] = "tensors.safetensors";
constexpr char kStateFile[] = "state.textproto";

absl::StatusOr<DType> DTypeOf(const NamedTensor& named) {
  switch (named.tensor.scalar_type()) {
    case at::kFloat:
      return DType::kF32;
    case at::kDouble:
      return DType::kF64;
    case at::kLong:
      return DType::kI64;
    default:
      return absl::InternalError(
          absl::StrCat("tensor \"", named.name, "\" is of a type that checkpoints do not keep"));
  }
}

// The step of a folder name, or -1 if it is not a finished checkpoint's.
int64_t StepOf(const std::string& name) {
  int64_t step = -1;
  if (!absl::StartsWith(name, kPrefix)) return -1;
  return absl::SimpleAtoi(name.substr(sizeof(kPrefix) - 1), &step) ? step : -1;
}

absl::Status RemoveCheckpointsExcept(const std::string& folder, const std::string& kept) {
  CASSLE_ASSIGN_OR_RETURN(std::vector<std::string> names, ListDirectory(folder));
  for (const std::string& name : names) {
    if (!absl::StartsWith(name, kPrefix) || name == kept) continue;
    CASSLE_RETURN_IF_ERROR(RemoveAll(JoinPath(folder, name)));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SaveCheckpoint(const std::string& folder, v1::TrainState state,
                            const std::vector<NamedTensor>& tensors) {
  const std::string name = absl::StrFormat("%s%08d", kPrefix, state.step());
  const std::string finished = JoinPath(folder, name);
  // A run that was interrupted twice without a step between: nothing new.
  if (IsDirectory(finished)) return RemoveCheckpointsExcept(folder, name);
  const std::string unfinished = finished + kUnfinishedSuffix;
  CASSLE_RETURN_IF_ERROR(RemoveAll(unfinished));
  CASSLE_RETURN_IF_ERROR(MakeDirectories(unfinished));
  const std::string tensors_path = JoinPath(unfinished, kTensorsFile);
  {
    SafetensorsWriter writer;
    for (const NamedTensor& named : tensors) {
      CASSLE_ASSIGN_OR_RETURN(const DType dtype, DTypeOf(named));
      const at::Tensor rows = named.tensor.detach().contiguous();
      writer.Add(named.name, dtype, rows.sizes().vec(),
                 std::string(static_cast<const char*>(rows.data_ptr()), rows.nbytes()));
    }
    CASSLE_RETURN_IF_ERROR(writer.Write(tensors_path));
  }
  CASSLE_ASSIGN_OR_RETURN(std::string written, FingerprintFile(tensors_path));
  state.set_tensors_fingerprint(written);
  CASSLE_RETURN_IF_ERROR(WriteFile(JoinPath(unfinished, kStateFile), PrintTextProto(state)));
  CASSLE_RETURN_IF_ERROR(SyncDirectory(unfinished));
  CASSLE_RETURN_IF_ERROR(Rename(unfinished, finished));
  CASSLE_RETURN_IF_ERROR(SyncDirectory(folder));
  return RemoveCheckpointsExcept(folder, name);
}

absl::StatusOr<std::optional<std::string>> FindCheckpoint(const std::string& folder) {
  CASSLE_ASSIGN_OR_RETURN(std::vector<std::string> names, ListDirectory(folder));
  std::optional<std::string> newest;
  int64_t newest_step = -1;
  for (const std::string& name : names) {
    const int64_t step = StepOf(name);
    if (step <= newest_step) continue;
    newest_step = step;
    newest = JoinPath(folder, name);
  }
  return newest;
}

absl::StatusOr<v1::TrainState> LoadCheckpoint(const std::string& checkpoint,
                                              const std::vector<NamedTensor>& tensors) {
  v1::TrainState state;
  CASSLE_RETURN_IF_ERROR(ReadTextProto(JoinPath(checkpoint, kStateFile), &state));
  const std::string tensors_path = JoinPath(checkpoint, kTensorsFile);
  CASSLE_ASSIGN_OR_RETURN(const std::string fingerprint, FingerprintFile(tensors_path));
  if (fingerprint != state.tensors_fingerprint()) {
    return absl::DataLossError(absl::StrCat(tensors_path, " is damaged: fingerprint ", fingerprint,
                                            ", expected ", state.tensors_fingerprint(), "; remove ",
                                            checkpoint, " to start over"));
  }
  CASSLE_ASSIGN_OR_RETURN(SafetensorsFile file, SafetensorsFile::Open(tensors_path));

  CASSLE_ASSIGN_OR_RETURN(const std::vector<TensorSignature> expected, Signatures(tensors, ""));
  std::vector<TensorSignature> found;
  for (const std::string& name : file.names()) {
    CASSLE_ASSIGN_OR_RETURN(const TensorView view, file.Get(name));
    found.push_back({name, view.dtype, view.shape});
  }
  const std::string difference = DescribeDifference(expected, found);
  if (!difference.empty()) {
    return absl::DataLossError(absl::StrCat(checkpoint, " does not fit this run: ", difference));
  }
  at::NoGradGuard no_grad;
  for (const NamedTensor& named : tensors) {
    CASSLE_ASSIGN_OR_RETURN(const TensorView view, file.Get(named.name));
    named.tensor.detach().copy_(ToTensor(view));
  }
  return state;
}

absl::Status RemoveCheckpoints(const std::string& folder) {
  return RemoveCheckpointsExcept(folder, "");
}

}  // namespace cassle
