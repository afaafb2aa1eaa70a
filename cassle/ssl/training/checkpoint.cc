#include "cassle/ssl/training/checkpoint.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/isfinite.h>

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "cassle/base/file.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/weights/state_difference.h"
#include "cassle/models/weights/weights.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

constexpr char kPrefix[] = "checkpoint-";
// A folder with either of these is not a checkpoint; the next save removes what a kill left of it.
constexpr char kUnfinishedSuffix[] = ".writing";
constexpr char kRemovedSuffix[] = ".removing";
constexpr char kTensorsFile[] = "tensors.safetensors";
constexpr char kStateFile[] = "state.textproto";
// The first line of the state; behind it the fingerprint of the other lines.
constexpr char kStateHead[] = "# xxh3-128 of the lines below: ";

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

std::string NameOf(int64_t step) { return absl::StrFormat("%s%08d", kPrefix, step); }

// The step of a folder name, or -1 if it is not a finished checkpoint's.
int64_t StepOf(absl::string_view name) {
  int64_t step = -1;
  absl::string_view number = name;
  const bool is_number = absl::ConsumePrefix(&number, kPrefix) && absl::SimpleAtoi(number, &step);
  return is_number && name == NameOf(step) ? step : -1;
}

// Whether that is a checkpoint, or what a kill left of one. A copy that somebody keeps beside them
// is neither.
bool IsOfCheckpoint(absl::string_view name) {
  for (const char* ending : {kUnfinishedSuffix, kRemovedSuffix, kAsideEnding}) {
    if (absl::ConsumeSuffix(&name, ending)) break;
  }
  return StepOf(name) >= 0;
}

// Removes the checkpoints, and attempts at one, whose steps `kept` does not hold; the oldest first.
// Killed at any moment, what still has a checkpoint's name is whole.
absl::Status RemoveCheckpointsExcept(const std::string& folder, const std::set<int64_t>& kept) {
  CASSLE_ASSIGN_OR_RETURN(std::vector<std::string> names, ListDirectory(folder));
  for (const std::string& name : names) {
    if (!IsOfCheckpoint(name) || kept.count(StepOf(name)) > 0) continue;
    std::string path = JoinPath(folder, name);
    if (StepOf(name) >= 0) {
      const std::string aside = path + kRemovedSuffix;
      CASSLE_RETURN_IF_ERROR(RemoveAll(aside));
      CASSLE_RETURN_IF_ERROR(Rename(path, aside));
      path = aside;
    }
    CASSLE_RETURN_IF_ERROR(RemoveAll(path));
  }
  return absl::OkStatus();
}

// Steps of the finished checkpoints, ascending.
absl::StatusOr<std::set<int64_t>> StepsIn(const std::string& folder) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(folder));
  std::set<int64_t> steps;
  for (const std::string& name : names) {
    if (StepOf(name) >= 0) steps.insert(StepOf(name));
  }
  return steps;
}

absl::Status Prune(const std::string& folder, const CheckpointRetention& retention) {
  CASSLE_ASSIGN_OR_RETURN(const std::set<int64_t> steps, StepsIn(folder));
  std::set<int64_t> kept;
  int64_t newer = 0;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step, ++newer) {
    const bool of_interval =
        retention.every_steps > 0 && *step > 0 && *step % retention.every_steps == 0;
    if (newer < retention.last || of_interval) kept.insert(*step);
  }
  return RemoveCheckpointsExcept(folder, kept);
}

std::string StateHead(absl::string_view lines) {
  return absl::StrCat(kStateHead, FingerprintBytes(lines), "\n");
}

absl::Status WriteState(const std::string& path, const v1::TrainState& state) {
  const std::string lines = PrintTextProto(state);
  return WriteFile(path, StateHead(lines) + lines);
}

absl::StatusOr<v1::TrainState> ReadState(const std::string& path) {
  CASSLE_ASSIGN_OR_RETURN(const std::string text, ReadFile(path));
  // Checkpoints of earlier versions have no such line.
  if (absl::StartsWith(text, kStateHead)) {
    const size_t lines = std::min(text.find('\n'), text.size() - 1) + 1;
    if (text.substr(0, lines) != StateHead(text.substr(lines))) {
      return absl::DataLossError(
          absl::StrCat(path, " is damaged: its lines are not those that were written"));
    }
  }
  v1::TrainState state;
  CASSLE_RETURN_IF_ERROR(ReadStoredTextProto(path, &state));
  if (state.tensors_fingerprint().empty()) {
    return absl::DataLossError(
        absl::StrCat(path, " is damaged: it has no fingerprint of ", kTensorsFile));
  }
  return state;
}

absl::Status CheckFinite(const std::vector<NamedTensor>& tensors) {
  at::NoGradGuard no_grad;
  for (const NamedTensor& named : tensors) {
    if (!named.tensor.is_floating_point()) continue;
    if (at::isfinite(named.tensor).all().item().toBool()) continue;
    return absl::FailedPreconditionError(
        absl::StrCat("\"", named.name, "\" holds values that are not finite"));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status SaveCheckpoint(const std::string& folder, v1::TrainState state,
                            const std::vector<NamedTensor>& tensors,
                            const CheckpointRetention& retention) {
  CASSLE_RETURN_IF_ERROR(CheckFinite(tensors));
  const std::string finished = JoinPath(folder, NameOf(state.step()));
  // Resumed from an older one because this was damaged (that has removed it), or for other reasons
  // at the same step once more: nothing new.
  if (IsDirectory(finished)) return Prune(folder, retention);
  const std::string unfinished = finished + kUnfinishedSuffix;
  CASSLE_RETURN_IF_ERROR(RemoveAll(unfinished));
  CASSLE_RETURN_IF_ERROR(MakeDirectories(unfinished));
  const std::string tensors_path = JoinPath(unfinished, kTensorsFile);
  {
    SafetensorsWriter writer;
    for (const NamedTensor& named : tensors) {
      CASSLE_ASSIGN_OR_RETURN(const DType dtype, DTypeOf(named));
      const at::Tensor rows = named.tensor.detach().contiguous().cpu();
      writer.Add(named.name, dtype, rows.sizes().vec(),
                 std::string(static_cast<const char*>(rows.data_ptr()), rows.nbytes()));
    }
    CASSLE_RETURN_IF_ERROR(writer.Write(tensors_path));
  }
  CASSLE_ASSIGN_OR_RETURN(std::string written, FingerprintFile(tensors_path));
  state.set_tensors_fingerprint(written);
  CASSLE_RETURN_IF_ERROR(WriteState(JoinPath(unfinished, kStateFile), state));
  CASSLE_RETURN_IF_ERROR(SyncDirectory(unfinished));
  CASSLE_RETURN_IF_ERROR(Rename(unfinished, finished));
  CASSLE_RETURN_IF_ERROR(SyncDirectory(folder));
  return Prune(folder, retention);
}

absl::StatusOr<std::vector<std::string>> FindCheckpoints(const std::string& folder) {
  CASSLE_ASSIGN_OR_RETURN(const std::set<int64_t> steps, StepsIn(folder));
  std::vector<std::string> paths;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    paths.push_back(JoinPath(folder, NameOf(*step)));
  }
  return paths;
}

absl::StatusOr<v1::TrainState> LoadCheckpoint(const std::string& checkpoint,
                                              const std::vector<NamedTensor>& tensors) {
  CASSLE_ASSIGN_OR_RETURN(v1::TrainState state, ReadState(JoinPath(checkpoint, kStateFile)));
  const std::string tensors_path = JoinPath(checkpoint, kTensorsFile);
  CASSLE_ASSIGN_OR_RETURN(const std::string fingerprint, FingerprintFile(tensors_path));
  if (fingerprint != state.tensors_fingerprint()) {
    return absl::DataLossError(absl::StrCat(tensors_path, " is damaged: fingerprint ", fingerprint,
                                            ", expected ", state.tensors_fingerprint()));
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

absl::Status RemoveOlderCheckpoints(const std::string& folder) { return Prune(folder, {}); }

absl::Status PutCheckpointsAside(const std::string& folder) {
  CASSLE_RETURN_IF_ERROR(RemoveOlderCheckpoints(folder));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> newest, FindCheckpoints(folder));
  for (const std::string& path : newest) {
    CASSLE_RETURN_IF_ERROR(Rename(path, absl::StrCat(path, kAsideEnding)));
  }
  return absl::OkStatus();
}

absl::Status TakeCheckpointsBack(const std::string& folder) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(folder));
  for (absl::string_view name : names) {
    const std::string path = JoinPath(folder, std::string(name));
    if (!absl::StartsWith(name, kPrefix) || !absl::ConsumeSuffix(&name, kAsideEnding)) continue;
    CASSLE_RETURN_IF_ERROR(Rename(path, JoinPath(folder, std::string(name))));
  }
  return absl::OkStatus();
}

}  // namespace cassle
