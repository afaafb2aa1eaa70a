// Tiny runs of the stage pretrain for its tests.
#ifndef CASSLE_SSL_PRETRAIN_FIXTURE_H_
#define CASSLE_SSL_PRETRAIN_FIXTURE_H_

#include <atomic>
#include <string>

#include "absl/status/statusor.h"
#include "cassle/base/stage.h"
#include "cassle/ssl/pretrain.pb.h"

namespace cassle {

// 16 images of the built-in generator, made once.
const std::string& TinyShapes();

// Small networks, two steps an epoch, under the policy cifar. The output does not exist.
v1::PretrainOptions TinyRun(const std::string& method, int epochs);

absl::StatusOr<StageOutcome> Train(const v1::PretrainOptions& options,
                                   const std::atomic<bool>* interrupted = nullptr);

// Trains; the weights and metrics of the run.
std::string BytesOf(const v1::PretrainOptions& options);

// Trains; config.textproto of the run.
std::string ConfigOf(const v1::PretrainOptions& options);

// A policy file: two large views of 32 pixels and two small ones of 16.
std::string MultiCropPolicy();

}  // namespace cassle

#endif  // CASSLE_SSL_PRETRAIN_FIXTURE_H_
