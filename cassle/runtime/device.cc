#include "cassle/runtime/device.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/GradMode.h>
#include <c10/core/impl/VirtualGuardImpl.h>
#include <dlfcn.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/base/status_macros.h"
#include "cassle/runtime/precision.h"

namespace cassle {
namespace {

constexpr char kGpu[] = "cuda";

int64_t NumGpus() { return at::hasCUDA() ? static_cast<int64_t>(at::getNumGPUs()) : 0; }

// bfloat16 came with compute capability 8 (Ampere); older GPUs emulate it. Asked of the CUDA that
// LibTorch has loaded: no header of it is needed to build, nor is it there in Debian's.
Bfloat16Support GpuBfloat16(c10::Device device) {
  constexpr int kComputeCapabilityMajor = 75;
  using GetAttribute = int (*)(int* value, int attribute, int device);
  const auto get = reinterpret_cast<GetAttribute>(dlsym(RTLD_DEFAULT, "cudaDeviceGetAttribute"));
  int major = 0;
  if (get == nullptr || get(&major, kComputeCapabilityMajor, device.index()) != 0) {
    return Bfloat16Support::kEmulated;
  }
  return major >= 8 ? Bfloat16Support::kInstructions : Bfloat16Support::kEmulated;
}

}  // namespace

absl::Status ResolveWhere(google::protobuf::Message* options, StageContext* context) {
  const auto* field = options->GetDescriptor()->FindFieldByName("device");
  if (field == nullptr) return absl::InternalError("the stage has no option --device");
  CASSLE_ASSIGN_OR_RETURN(const c10::Device device,
                          ResolveDevice(options->GetReflection()->GetString(*options, field)));
  if (options->GetDescriptor()->FindFieldByName("precision") == nullptr) return absl::OkStatus();
  if (device.is_cpu()) return ResolvePrecision(ProcessorBfloat16(), "processor", options, context);
  return ResolvePrecision(GpuBfloat16(device), "GPU", options, context);
}

absl::StatusOr<c10::Device> ResolveDevice(const std::string& name, int local_rank) {
  if (name == "cpu") return c10::Device(c10::kCPU);
  const int64_t gpus = NumGpus();
  const bool open = name.empty() || name == "auto" || name == kGpu;
  if (open && gpus > 0) {
    return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(local_rank % gpus));
  }
  if (name.empty() || name == "auto") return c10::Device(c10::kCPU);
  int index = 0;
  absl::string_view rest = name;
  if (!absl::ConsumePrefix(&rest, kGpu) ||
      (!rest.empty() &&
       (!absl::ConsumePrefix(&rest, ":") || !absl::SimpleAtoi(rest, &index) || index < 0))) {
    return absl::InvalidArgumentError(
        absl::StrCat("--device=", name, ": expected auto, cpu, cuda or cuda:NUMBER"));
  }
  if (index < gpus) return c10::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(index));
  return absl::InvalidArgumentError(absl::StrCat(
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

at::Tensor Upload(const at::Tensor& tensor, c10::Device device) {
  if (!tensor.defined() || device.is_cpu()) return tensor;
  // Only GPUs have pinned memory, and only for something.
  const bool pinned = device.is_cuda() && tensor.numel() > 0;
  return (pinned ? tensor.pin_memory() : tensor).to(device, /*non_blocking=*/true);
}

}  // namespace cassle
