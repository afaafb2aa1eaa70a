// Training steps and inference of the backbones: forward and backward of one batch, images per
// second.
//
//   bazel run -c opt //cassle/models/networks:backbone_benchmark -- --benchmark_filter=ResNet18
//
// The benchmark sets one compute thread; CASSLE_BENCHMARK_THREADS=2 another number. With several,
// any busy neighbour on the machine spoils the figures: OpenMP's barriers wait for the thread that
// lost its processor.
#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/full.h>
#include <ATen/ops/sum.h>
#include <benchmark/benchmark.h>
#include <c10/core/GradMode.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "cassle/models/networks/backbone.h"
#include "cassle/runtime/torch_runtime.h"
#include "cassle/runtime/torch_version.h"

namespace cassle {
namespace {

at::Tensor Features(Backbone& backbone, const at::Tensor& images, bool bfloat16) {
  SetAutocastType(at::kCPU, at::kBFloat16);
  SetAutocastEnabled(at::kCPU, bfloat16);
  at::Tensor features = backbone.forward(images);
  SetAutocastEnabled(at::kCPU, false);
  at::autocast::clear_cache();
  return features;
}

// Arguments: hundredths of width_factor, batch size, side in pixels (the CIFAR stem up to 64),
// bfloat16, channels-last, training.
void Run(benchmark::State& state, const char* architecture) {
  v1::BackboneConfig config;
  config.set_architecture(architecture);
  config.set_width_factor(state.range(0) / 100.0);
  const int64_t batch = state.range(1), side = state.range(2);
  config.set_stem(side <= 64 ? v1::CIFAR : v1::IMAGENET);
  const bool bfloat16 = state.range(3) != 0, training = state.range(5) != 0;
  std::shared_ptr<Backbone> backbone = MakeBackbone(config, 1).value();
  at::Tensor images = at::full({batch, 3, side, side}, 0.5, at::kFloat);
  if (state.range(4) != 0) images = images.contiguous(at::MemoryFormat::ChannelsLast);
  backbone->train(training);
  const auto step = [&] {
    c10::AutoGradMode gradients(training);
    backbone->zero_grad();
    at::Tensor features = Features(*backbone, images, bfloat16);
    if (training) at::sum(features).backward();
    benchmark::DoNotOptimize(features.data_ptr());
  };
  // The first steps compile oneDNN's kernels and fault the memory in.
  for (int i = 0; i < 2; ++i) step();
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations() * batch);
}

const std::vector<std::string> kNames = {"width%", "batch", "px", "bf16", "nhwc", "train"};

BENCHMARK_CAPTURE(Run, ResNet18, "resnet18")
    ->ArgNames(kNames)
    ->Args({25, 256, 32, 1, 1, 1})
    ->Args({50, 256, 32, 1, 1, 1})
    ->Args({50, 256, 32, 1, 0, 1})
    ->Args({50, 256, 32, 0, 1, 1})
    ->Args({50, 256, 32, 0, 0, 1})
    ->Args({100, 256, 32, 1, 1, 1})
    ->Args({100, 256, 32, 0, 1, 1})
    ->Args({50, 256, 32, 1, 1, 0})
    ->Args({50, 256, 32, 0, 1, 0})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();
BENCHMARK_CAPTURE(Run, ResNet50, "resnet50")
    ->ArgNames(kNames)
    ->Args({100, 16, 224, 1, 1, 1})
    ->Args({100, 16, 224, 0, 1, 1})
    ->Args({100, 16, 224, 1, 1, 0})
    ->Unit(benchmark::kMillisecond)
    ->UseRealTime();

}  // namespace
}  // namespace cassle

int main(int argc, char** argv) {
  const char* threads = std::getenv("CASSLE_BENCHMARK_THREADS");
  cassle::ConfigureTorch(threads == nullptr ? 1 : std::atoi(threads));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 64;
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
