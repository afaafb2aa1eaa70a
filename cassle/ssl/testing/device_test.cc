// What every method does on a GPU is what it does on the processor, and every time the same.
#include "cassle/runtime/device.h"

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <torch/library.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/models/weights/batch_tensor.h"
#include "cassle/runtime/torch_runtime.h"
#include "cassle/runtime/torch_version.h"
#include "cassle/ssl/testing/method_variants.h"
#include "cassle/ssl/training/accumulate.h"
#include "cassle/ssl/training/checkpoint.h"
#include "gmock/gmock.h"

namespace cassle {
namespace {

using ::testing::HasSubstr;

const c10::Device kProcessor = c10::Device(c10::kCPU);

TEST(ResolveDeviceTest, KnowsTheNamesOfDevices) {
  ASSERT_OK_AND_ASSIGN(const c10::Device cpu, ResolveDevice("cpu"));
  EXPECT_TRUE(cpu.is_cpu());
  EXPECT_OK(ResolveDevice("auto"));
  for (const char* name : {"gpu", "cuda:", "cuda:x", "cuda:-1", "cuda1"}) {
    EXPECT_THAT(ResolveDevice(name),
                StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("cuda:NUMBER")));
  }
  EXPECT_THAT(ResolveDevice("cuda:99"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--device=cuda:99")));
}

Batch UploadBatch(Batch batch, c10::Device device) {
  for (View& view : batch.views) {
    for (at::Tensor* tensor : {&view.images, &view.descriptors, &view.relative}) {
      *tensor = Upload(*tensor, device);
    }
  }
  batch.labels = Upload(batch.labels, device);
  return batch;
}

class OnGpu : public ::testing::Test {
 protected:
  void SetUp() override {
    ConfigureTorch(2);
    gpu_ = *ResolveDevice("auto");
    if (gpu_.is_cpu()) GTEST_SKIP() << "there is no GPU";
    ConfigureDevice(gpu_, {});
  }
  c10::Device gpu_ = kProcessor;
};

TEST_F(OnGpu, PixelsAreNormalisedToTheSameBits) {
  PixelNormalizer here({0.485, 0.456, 0.406}, {0.229, 0.224, 0.225}), there = here;
  there.MoveTo(gpu_);
  std::vector<uint8_t> pixels(2 * 16 * 16 * 3);
  for (size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<uint8_t>(i * 7);
  const at::Tensor expected = here.Normalize(pixels, 2, 16),
                   actual = there.Normalize(pixels, 2, 16);
  EXPECT_TRUE(actual.is_contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(actual.cpu().equal(expected));
}

class MethodOnGpu : public OnGpu, public ::testing::WithParamInterface<Variant> {
 protected:
  struct Run {
    std::unique_ptr<Method> method;
    std::unique_ptr<Optimizer> optimizer;
    c10::Device device;
    std::vector<double> losses;

    std::vector<NamedTensor> Everything() const {
      std::vector<NamedTensor> all = method->state();
      for (const NamedTensor& buffer : optimizer->buffers()) {
        all.push_back({"optimizer." + buffer.name, buffer.tensor});
      }
      return all;
    }
  };

  static Run Start(c10::Device device, uint64_t seed = 1) {
    Run run = {MakeVariant(GetParam(), seed), nullptr, device, {}};
    MoveTensors(run.method->state(), device);
    run.optimizer = OptimizerOf(GetParam(), *run.method);
    return run;
  }

  static void Train(int first, int count, Run* run) {
    // Small steps: what differs in the last digits must not be blown up by the training itself.
    const double rate = StepsByAdam(GetParam()) ? 1e-4 : 1e-2;
    for (int step = first; step < first + count; ++step) {
      run->method->set_progress((step - 1) / 40.0);
      const Batch batch = UploadBatch(RandomBatch(step, GetParam().views()), run->device);
      run->optimizer->ZeroGrad();
      const at::Tensor loss = run->method->Forward(batch).loss;
      loss.backward();
      run->losses.push_back(loss.item().toDouble());
      if (NeedsClipping(GetParam())) {
        run->optimizer->ClipGradients(run->optimizer->GradientNormTensor(), 1);
      }
      run->optimizer->Step(std::vector<double>(run->optimizer->groups().size(), rate));
      run->method->AfterStep();
    }
  }

  static void CopyTensors(const std::vector<NamedTensor>& from,
                          const std::vector<NamedTensor>& to) {
    at::NoGradGuard no_grad;
    ASSERT_EQ(from.size(), to.size());
    for (size_t i = 0; i < from.size(); ++i) to[i].tensor.detach().copy_(from[i].tensor);
  }

  static void ExpectSameLosses(const Run& a, const Run& b, double tolerance) {
    ASSERT_EQ(a.losses.size(), b.losses.size());
    for (size_t i = 0; i < a.losses.size(); ++i) {
      EXPECT_NEAR(a.losses[i], b.losses[i], tolerance * std::max(1.0, std::abs(a.losses[i])))
          << "step " << i + 1;
    }
  }
};

TEST_P(MethodOnGpu, TwentyStepsAreThoseOfTheProcessor) {
  Run here = Start(kProcessor), there = Start(gpu_);
  for (int step = 1; step <= 20; step += 2) {
    // From equal states every time: training itself magnifies what sums in another order differ by
    // (a ReLU that opens in one run only). The second loss sees gradients, optimiser and AfterStep.
    CopyTensors(here.Everything(), there.Everything());
    Train(step, 2, &here);
    Train(step, 2, &there);
  }
  ExpectSameLosses(here, there, 1e-4);
}

TEST_P(MethodOnGpu, TwoRunsGiveTheSameBits) {
  std::vector<Run> runs;
  for (int i = 0; i < 2; ++i) {
    runs.push_back(Start(gpu_));
    Train(1, 5, &runs.back());
  }
  const std::vector<NamedTensor> a = runs[0].Everything(), b = runs[1].Everything();
  for (size_t i = 0; i < a.size(); ++i) EXPECT_TRUE(a[i].tensor.equal(b[i].tensor)) << a[i].name;
}

TEST_P(MethodOnGpu, ACheckpointGoesOnOnTheOtherDevice) {
  const std::string folder =
      absl::StrCat(::testing::TempDir(), "/device_", ::testing::PrintToString(GetParam()));
  for (const bool begins_here : {true, false}) {
    ASSERT_OK(RemoveAll(folder));
    ASSERT_OK(MakeDirectories(folder));
    Run begun = Start(begins_here ? kProcessor : gpu_);
    Train(1, 3, &begun);
    v1::TrainState state;
    state.set_step(3);
    ASSERT_OK(SaveCheckpoint(folder, state, begun.Everything()));
    Run resumed = Start(begins_here ? gpu_ : kProcessor, /*seed=*/99);
    ASSERT_OK_AND_ASSIGN(const auto checkpoints, FindCheckpoints(folder));
    ASSERT_OK(LoadCheckpoint(checkpoints[0], resumed.Everything()));
    begun.losses.clear();
    Train(4, 3, &begun);
    Train(4, 3, &resumed);
    ExpectSameLosses(begun, resumed, 1e-4);
  }
}

// Tensors of LibTorch's device "meta" have no values: reading one, or using it together with a
// tensor of the processor, throws. So this sees, without a GPU, whether a step waits for its device
// and whether a tensor was made in the wrong place.
#if CASSLE_TORCH_AT_LEAST(2, 4)
// What MoveTensors does for devices with memory; set_data refuses this one.
struct TakeValues : c10::TensorImpl {
  static void From(const at::Tensor& tensor) {
    const c10::Device meta = c10::Device(c10::kMeta);
    c10::TensorImpl* const impl = tensor.unsafeGetTensorImpl();
    impl->set_storage_keep_dtype(tensor.detach().to(meta).storage());
    impl->_change_backend_component_keys(meta);
  }
};

// LibTorch has these for Python only: the sizes of results.
at::Tensor Convolution(const at::Tensor& input, const at::Tensor& weight,
                       const std::optional<at::Tensor>& bias, at::IntArrayRef stride,
                       at::IntArrayRef padding, at::IntArrayRef, bool, at::IntArrayRef, int64_t) {
  TORCH_CHECK(input.is_meta() && weight.is_meta(), "a convolution over two devices");
  const auto side = [&](int64_t d) {
    return (input.size(d) + 2 * padding[d - 2] - weight.size(d)) / stride[d - 2] + 1;
  };
  return at::empty({input.size(0), weight.size(0), side(2), side(3)}, input.options());
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> ConvolutionBackward(
    const at::Tensor& gradient, const at::Tensor& input, const at::Tensor& weight, at::IntArrayRef,
    at::IntArrayRef, at::IntArrayRef, bool, at::IntArrayRef, int64_t, std::array<bool, 3>) {
  TORCH_CHECK(gradient.is_meta(), "a gradient on another device");
  return {at::empty_like(input), at::empty_like(weight), at::Tensor()};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> NormalizeBatch(
    const at::Tensor& input, const std::optional<at::Tensor>& weight,
    const std::optional<at::Tensor>&, const std::optional<at::Tensor>& mean,
    const std::optional<at::Tensor>& variance, bool, double, double) {
  TORCH_CHECK(mean->is_meta() && variance->is_meta(), "statistics on another device");
  return {at::empty_like(input), at::empty_like(*mean), at::empty_like(*mean)};
}

std::tuple<at::Tensor, at::Tensor, at::Tensor> NormalizeBatchBackward(
    const at::Tensor& gradient, const at::Tensor& input, const std::optional<at::Tensor>&,
    const std::optional<at::Tensor>& mean, const std::optional<at::Tensor>&,
    const std::optional<at::Tensor>&, const std::optional<at::Tensor>&, bool, double,
    std::array<bool, 3>) {
  TORCH_CHECK(gradient.is_meta(), "a gradient on another device");
  return {at::empty_like(input), at::empty_like(*mean), at::empty_like(*mean)};
}

TORCH_LIBRARY_IMPL(aten, Meta, library) {
  library.impl("convolution_overrideable", &Convolution);
  library.impl("convolution_backward_overrideable", &ConvolutionBackward);
  library.impl("native_batch_norm", &NormalizeBatch);
  library.impl("native_batch_norm_backward", &NormalizeBatchBackward);
  library.impl("relu", [](const at::Tensor& input) { return at::empty_like(input); });
  library.impl("abs.out", [](const at::Tensor& input, at::Tensor& out) -> at::Tensor& {
    out.resize_(input.sizes());
    return out;
  });
  library.impl(
      "where.self", [](const at::Tensor& chosen, const at::Tensor& a, const at::Tensor& b) {
        TORCH_CHECK(chosen.is_meta() && a.is_meta() && b.is_meta(), "a choice over two devices");
        return at::empty_like(a);
      });
  library.impl("log_sigmoid_forward", [](const at::Tensor& input) {
    return std::make_tuple(at::empty_like(input), at::empty_like(input));
  });
  library.impl("log_sigmoid_backward", [](const at::Tensor& gradient, const at::Tensor&,
                                          const at::Tensor&) { return at::empty_like(gradient); });
  library.impl("_foreach_norm.Scalar",
               [](at::TensorList tensors, const at::Scalar&, std::optional<at::ScalarType>) {
                 std::vector<at::Tensor> norms;
                 for (const at::Tensor& tensor : tensors) norms.push_back(tensor.new_empty({}));
                 return norms;
               });
}
#else
struct TakeValues {
  static void From(const at::Tensor&) {}
};
#endif

class MethodWithoutValues : public ::testing::TestWithParam<Variant> {};

TEST_P(MethodWithoutValues, AStepReadsNothingAndMixesNoDevices) {
#if !CASSLE_TORCH_AT_LEAST(2, 4)
  GTEST_SKIP() << "this LibTorch knows too few operations without values";
#endif
  const c10::Device meta = c10::Device(c10::kMeta);
  const std::unique_ptr<Method> method = MakeVariant(GetParam(), 1);
  for (const NamedTensor& named : method->state()) {
    if (named.tensor.dim() > 0) TakeValues::From(named.tensor);
  }
  const std::unique_ptr<Optimizer> optimizer = OptimizerOf(GetParam(), *method);
  for (int step = 0; step < 3; ++step) {
    method->set_progress(step / 10.0);
    const BatchPass pass = AccumulateGradients(
        UploadBatch(RandomBatch(step, GetParam().views()), meta), /*parts=*/1, method.get());
    EXPECT_TRUE(pass.unread_loss.is_meta());
    const at::Tensor norm = optimizer->GradientNormTensor();
    EXPECT_TRUE(norm.is_meta());
    optimizer->ClipGradients(norm, 1);
    optimizer->Step(std::vector<double>(optimizer->groups().size(), 0.1));
    method->AfterStep();
    optimizer->ZeroGrad();
  }
  for (const NamedTensor& named : method->state()) {
    EXPECT_EQ(named.tensor.is_meta(), named.tensor.dim() > 0) << named.name;
  }
}

INSTANTIATE_TEST_SUITE_P(AllMethods, MethodWithoutValues, ::testing::ValuesIn(AllVariants()),
                         ::testing::PrintToStringParamName());

INSTANTIATE_TEST_SUITE_P(AllMethods, MethodOnGpu, ::testing::ValuesIn(AllVariants()),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace cassle
