// Checkpoints: everything a training run is, in one folder that appears atomically.
//
//   FOLDER/checkpoint-00001200/
//     tensors.safetensors   networks, momentum networks, queue and pointer, optimiser buffers
//     state.textproto       step, epoch, ... (checkpoint.proto); its first line, a comment, has the
//                           fingerprint of the others
//
// Tensors of a GPU pass through the processor's memory: a checkpoint is the same wherever they are.
//
// A checkpoint is written under another name, fsynced and renamed; only then are older ones
// removed. Whatever moment the process dies at, every folder named checkpoint-NUMBER (of eight
// digits) is complete. What else lies beside them, a copy for one, is left alone.
#ifndef CASSLE_SSL_TRAINING_CHECKPOINT_H_
#define CASSLE_SSL_TRAINING_CHECKPOINT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/models/networks/module.h"
#include "cassle/ssl/training/checkpoint.pb.h"

namespace cassle {

// Which checkpoints stay when a new one is written.
struct CheckpointRetention {
  // The newest, the new one included; at least 1.
  int64_t last = 1;
  // Also those whose step is a multiple of this; 0: no others.
  int64_t every_steps = 0;
};

// Writes `tensors` (float32, float64 or int64, distinct names) and `state`, whose fingerprint is
// filled in, as the checkpoint of state.step() and removes older ones. O(bytes); holds one copy of
// the tensors.
// \error kResourceExhausted if the disk is full; kFailedPrecondition, naming the tensor, if a value
// is not finite: what diverged is not worth going on from. The older checkpoints are then still
// there.
absl::Status SaveCheckpoint(const std::string& folder, v1::TrainState state,
                            const std::vector<NamedTensor>& tensors,
                            const CheckpointRetention& retention = {});

// The paths of the checkpoints in `folder`, the newest first.
absl::StatusOr<std::vector<std::string>> FindCheckpoints(const std::string& folder);

// Copies a checkpoint's values into `tensors` (in place, whatever their memory layout) and returns
// its state. Strict: exactly these names, shapes and types.
// \error kDataLoss if a file is damaged or something does not fit; the message lists the
// differences. The tensors may then be partly overwritten.
absl::StatusOr<v1::TrainState> LoadCheckpoint(const std::string& checkpoint,
                                              const std::vector<NamedTensor>& tensors);

// Removes all checkpoints but the newest, and unfinished attempts at one.
absl::Status RemoveOlderCheckpoints(const std::string& folder);

// Of a run that is over: the same, and the newest goes when the output is complete (kAsideEnding in
// cassle/stage/stage_manifest.h). Killed before, the run takes it back and goes on from there.
absl::Status PutCheckpointsAside(const std::string& folder);
absl::Status TakeCheckpointsBack(const std::string& folder);

}  // namespace cassle

#endif  // CASSLE_SSL_TRAINING_CHECKPOINT_H_
