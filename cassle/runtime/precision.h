// Which precision a network computes in on this machine (--precision). No LibTorch.
#ifndef CASSLE_RUNTIME_PRECISION_H_
#define CASSLE_RUNTIME_PRECISION_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/runtime/precision.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

// How bfloat16 convolutions and matrix products run.
enum class Bfloat16Support {
  // In a plain loop: LibTorch has kernels for AVX-512 only. Measured at 12 to 20 times the time of
  // float32 (Zen 3, ResNet-18).
  kNone,
  // By AVX-512 without bfloat16 instructions: no faster than float32.
  kEmulated,
  // By AVX512_BF16 or AMX: about twice as fast as float32.
  kInstructions,
};

// Of the processor this process runs on, as far as ONEDNN_MAX_CPU_ISA (or DNNL_MAX_CPU_ISA) lets
// LibTorch use it.
Bfloat16Support ProcessorBfloat16();

struct PrecisionChoice {
  // FLOAT32 or BF16.
  v1::ComputePrecision precision = v1::FLOAT32;
  // What was chosen and why, for people; empty if it is what was asked for.
  std::string note;
};

// AUTO (or nothing) becomes BF16 with kInstructions, else FLOAT32.
//   what  of which this is the support: "processor" or "GPU".
// \error kInvalidArgument for BF16 with kNone.
absl::StatusOr<PrecisionChoice> ChoosePrecision(v1::ComputePrecision asked, Bfloat16Support support,
                                                absl::string_view what = "processor");

// Puts the choice into the field `precision` (ComputePrecision) of a stage's options and notes the
// reason. Stages have ResolveWhere (device.h), which knows GPUs too.
absl::Status ResolvePrecision(Bfloat16Support support, absl::string_view what,
                              google::protobuf::Message* options, StageContext* context);

}  // namespace cassle

#endif  // CASSLE_RUNTIME_PRECISION_H_
