#include "cassle/models/device.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <c10/util/Exception.h>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace cassle {
namespace {

constexpr char kGpu[] = "cuda";

int64_t NumGpus() { return at::hasCUDA() ? static_cast<int64_t>(at::getNumGPUs()) : 0; }

}  // namespace

absl::StatusOr<c10::Device> ResolveDevice(const std::string& name) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  const int64_t gpus = NumGpus();
  if (name.empty() || name == "auto") {
    return gpus > 0 ? c10::Device(c10::kCUDA, 0) : c10::Device(c10::kCPU);
  }
  int index = 0;
  absl::string_view rest = name;
  if (!absl::ConsumePrefix(&rest, kGpu) ||
      (!rest.empty() &&
       (!absl::ConsumePrefix(&rest, ":") || !absl::SimpleAtoi(rest, &index) || index < 0))) {
    return absl::InvalidArgumentError(
        absl::StrCat("--device=", name, ": expected auto, cpu, cuda or cuda:NUMBER"));
  }
  if (index < gpus) return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
  return absl::FailedPreconditionError(absl::StrCat(
      "--device=", name, ": ",
      gpus > 0 ? absl::StrCat("there are ", gpus, " GPUs, counted from 0")
      : at::globalContext().hasCUDART()
          ? absl::string_view("LibTorch sees no GPU (nvidia-smi shows whether the driver does)")
          : absl::string_view("this build's LibTorch has no CUDA (docs/gpu.md)")));
}

void ConfigureDevice(c10::Device device, const GpuOptions& options) {
  if (!device.is_cuda()) return;
  // What asks for "the" GPU, pinned memory for one, gets this one.
  c10::impl::VirtualGuardImpl(device.type()).setDevice(device);
  at::Context& context = at::globalContext();
  context.setAllowTF32CuBLAS(options.tf32);
  context.setAllowTF32CuDNN(options.tf32);
  context.setDeterministicAlgorithms(options.deterministic, /*warn_only=*/false);
  context.setDeterministicCuDNN(options.deterministic);
  context.setBenchmarkCuDNN(!options.deterministic);
}

std::string DescribeDevice(c10::Device device) { return device.str(); }

void MoveTensors(const std::vector<NamedTensor>& tensors, c10::Device device) {
  c10::NoGradGuard no_grad;
  for (NamedTensor named : tensors) {
    at::Tensor& tensor = named.tensor;
    if (tensor.dim() == 0 || tensor.device() == device) continue;
    at::Tensor moved = tensor.detach().to(device);
    if (!device.is_cpu() && tensor.dim() == 4) {
      moved = moved.contiguous(at::MemoryFormat::ChannelsLast);
    }
    tensor.mutable_grad() = at::Tensor();
    tensor.set_data(moved);
  }
}

absl::Status TorchFailure(const std::exception& error) {
  const auto* of_torch = dynamic_cast<const c10::Error*>(&error);
  if (of_torch == nullptr) return absl::InternalError(error.what());
  const std::string message = of_torch->what_without_backtrace();
  if (dynamic_cast<const c10::OutOfMemoryError*>(&error) != nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the GPU has too little memory: lower --batch_size, raise --accumulate_steps, "
                     "or try --precision=bf16 (",
                     message.substr(0, message.find('\n')), ")"));
  }
  if (absl::StrContains(message, "CUDA error")) {
    return absl::UnavailableError(
        absl::StrCat("the GPU failed: ", message.substr(0, message.find('\n')),
                     "; the same command goes on from the last checkpoint"));
  }
  return absl::InternalError(message);
}

at::Tensor Upload(const at::Tensor& tensor, c10::Device device) {
  if (!tensor.defined() || device.is_cpu()) return tensor;
  // Only GPUs have pinned memory, and only for something.
  const bool pinned = device.is_cuda() && tensor.numel() > 0;
  return (pinned ? tensor.pin_memory() : tensor).to(device, /*non_blocking=*/true);
}

}  // namespace cassle
