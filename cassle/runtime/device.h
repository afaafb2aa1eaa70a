// Where tensors live: the processor, or a GPU. The one place that knows the names of devices.
//
//   CASSLE_ASSIGN_OR_RETURN(const c10::Device device, ResolveDevice(options.device()));
//   MoveTensors(method->state(), device);
//
// Networks, objectives and optimisers name no device: they make tensors where their inputs are.
#ifndef CASSLE_RUNTIME_DEVICE_H_
#define CASSLE_RUNTIME_DEVICE_H_

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/runtime/named_tensor.h"
#include "cassle/stage/stage.h"

namespace cassle {

// "cpu", "cuda" (the first GPU), "cuda:1", or "auto" and "": a GPU if LibTorch sees one, else the
// processor.
//   local_rank  Of several processes on a machine: number K takes GPU K where the name leaves it
//               open, and they share GPUs where there are fewer.
// \error kInvalidArgument for another name, and if there is no such GPU, with the reason.
absl::StatusOr<c10::Device> ResolveDevice(const std::string& name, int local_rank = 0);

// StageInfo::resolve of stages that run a network: whether their options `device` and (if there is
// one) `precision` can be had, and bf16 or float32 for precision AUTO, by what that device has
// instructions for.
// \error as ResolveDevice and ChoosePrecision (precision.h).
absl::Status ResolveWhere(google::protobuf::Message* options, StageContext* context);

// How a GPU computes. All GPUs of the process.
struct GpuOptions {
  // float32 products on the tensor cores, with 10 bits of mantissa.
  bool tf32 = false;
  // The same inputs give the same bits. Without, cuDNN tries its algorithms and takes the fastest.
  bool deterministic = true;
};
// After ConfigureTorch. Nothing happens if `device` is the processor.
void ConfigureDevice(c10::Device device, const GpuOptions& options);

// "cuda:0" or "cpu": for logs, and as ResolveDevice takes it.
std::string DescribeDevice(c10::Device device);

// Moves tensors in place: all handles stay valid. 4-d tensors become channels-last on a GPU, which
// is what convolutions there want. Scalars stay with the processor, which reads them: steps,
// positions in a queue. Gradients are dropped.
void MoveTensors(const std::vector<NamedTensor>& tensors, c10::Device device);

// A copy of `tensor`, which is the processor's, on `device`; without waiting for it, from pinned
// memory. On the processor: the tensor itself. Undefined stays undefined.
at::Tensor Upload(const at::Tensor& tensor, c10::Device device);

}  // namespace cassle

#endif  // CASSLE_RUNTIME_DEVICE_H_
