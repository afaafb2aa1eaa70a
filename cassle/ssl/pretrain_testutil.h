// Tiny runs of the stage pretrain for its tests.
#ifndef CASSLE_SSL_PRETRAIN_TESTUTIL_H_
#define CASSLE_SSL_PRETRAIN_TESTUTIL_H_

#include <atomic>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "cassle/augment/augment_and_record_stage.h"
#include "cassle/ssl/pretrain_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

// Images of the built-in generator, made once.
std::string TinyShapes(int images = 16);

// Small networks, two steps an epoch, under the policy cifar. The output does not exist.
v1::PretrainOptions TinyRun(const std::string& method, int epochs);

// MoCo-v2 + CASSLE on 40 images, two epochs of five steps. The output, a folder of that name, does
// not exist.
v1::PretrainOptions MocoRun(const std::string& name);

// Views of MocoRun()'s images for its two epochs, under its policy.
std::string RecordViews(v1::AugmentAndRecordOptions::Store store, uint64_t seed);

// threads: of the view loader.
absl::StatusOr<StageOutcome> Train(const v1::PretrainOptions& options,
                                   const std::atomic<bool>* interrupted = nullptr, int threads = 1);

// Trains; the fingerprint over all files of the output.
std::string FingerprintOfRun(const v1::PretrainOptions& options, int threads = 1);

// A file of the output, whole.
std::string FileOf(const v1::PretrainOptions& options, const std::string& name);

// Trains; the weights and metrics of the run.
std::string BytesOf(const v1::PretrainOptions& options);

// Trains; config.textproto of the run.
std::string ConfigOf(const v1::PretrainOptions& options);

// A policy file: two large views of 32 pixels and two small ones of 16.
std::string MultiCropPolicy();

}  // namespace cassle

#endif  // CASSLE_SSL_PRETRAIN_TESTUTIL_H_
