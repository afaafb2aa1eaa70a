// Checkpoints: everything a training run is, in one folder that appears atomically.
//
//   FOLDER/checkpoint-00001200/tensors.safetensors   networks, momentum networks, queue and
//   pointer, optimiser buffers
//                              state.textproto       step, epoch, ... (checkpoint.proto)
//
// A checkpoint is written under another name, fsynced and renamed; only then are older ones
// removed. Whatever moment the process dies at, the newest folder named checkpoint-NUMBER is
// complete.
#ifndef CASSLE_SSL_CHECKPOINT_H_
#define CASSLE_SSL_CHECKPOINT_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/models/module.h"
#include "cassle/ssl/checkpoint.pb.h"

namespace cassle {

// Writes `tensors` (float32, float64 or int64, distinct names) and `state`, whose fingerprint is
// filled in, as the checkpoint of state.step() and removes the older ones. O(bytes); holds one copy
// of the tensors. \error kResourceExhausted if the disk is full; the older checkpoint is then still
// there.
absl::Status SaveCheckpoint(const std::string& folder, v1::TrainState state,
                            const std::vector<NamedTensor>& tensors);

// The path of the newest checkpoint in `folder`, or nothing.
absl::StatusOr<std::optional<std::string>> FindCheckpoint(const std::string& folder);

// Copies a checkpoint's values into `tensors` (in place, whatever their memory layout) and returns
// its state. Strict: exactly these names, shapes and types. \error kDataLoss if a file is damaged
// or something does not fit; the message lists the differences. The tensors may then be partly
// overwritten.
absl::StatusOr<v1::TrainState> LoadCheckpoint(const std::string& checkpoint,
                                              const std::vector<NamedTensor>& tensors);

// Removes all checkpoints and unfinished attempts at one.
absl::Status RemoveCheckpoints(const std::string& folder);

}  // namespace cassle

#endif  // CASSLE_SSL_CHECKPOINT_H_
