// Training steps of pretrain without its loader: images per second of one device.
//
//   step_benchmark ARCHITECTURE SIDE_PX BATCH float32|tf32|bf16 METHOD DEVICE SECONDS [fast]
//   step_benchmark resnet50 224 256 bf16 moco_v2 cuda 10
//
// The same bytes are uploaded and normalised in every step. "fast": algorithms whose last bits vary
// are allowed. Prints one line of JSON.
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/weights/batch_tensor.h"
#include "cassle/runtime/device.h"
#include "cassle/runtime/torch_runtime.h"
#include "cassle/runtime/torch_version.h"
#include "cassle/ssl/methods/method_registry.h"
#include "cassle/ssl/optimizers/make_optimizer.h"
#include "cassle/ssl/training/accumulate.h"

namespace cassle {
namespace {

int Main(int argc, char** argv) {
  if (argc < 8) {
    std::fprintf(stderr, "see the head of step_benchmark.cc\n");
    return 64;
  }
  const std::string architecture = argv[1], precision = argv[4], name = argv[5];
  const int64_t side = std::atoi(argv[2]), batch_size = std::atoi(argv[3]);
  const double seconds = std::atof(argv[7]);
  const bool fast = argc > 8 && std::string(argv[8]) == "fast";
  ConfigureTorch(0);
  const c10::Device device = ResolveDevice(argv[6]).value();
  ConfigureDevice(device, {.tf32 = precision == "tf32", .deterministic = !fast});

  v1::BackboneConfig chosen;
  chosen.set_architecture(architecture);
  const v1::BackboneConfig backbone = ResolveBackbone(chosen, static_cast<int>(side)).value();
  MethodSetup setup;
  setup.make_backbone = [&] { return MakeBackbone(backbone, 0); };
  setup.batch_size = batch_size;
  setup.precision = precision == "bf16" ? Precision::kBfloat16 : Precision::kFloat32;
  v1::MethodConfig config;
  const auto* field = config.GetDescriptor()->FindFieldByName(name);
  if (field == nullptr) return 64;
  config.GetReflection()->MutableMessage(&config, field);
  const std::unique_ptr<Method> method = MakeMethod(config, setup).value();
  MoveTensors(method->state(), device);
  v1::TrainingConfig training;
  training.set_optimizer(MethodRecipe(config, /*official=*/false).optimizer);
  training.set_momentum(0.9);
  training.set_weight_decay(5e-4);
  const std::unique_ptr<Optimizer> optimizer = MakeOptimizer(training, method->parameter_groups());
  PixelNormalizer normalizer({0.485, 0.456, 0.406}, {0.229, 0.224, 0.225});
  normalizer.MoveTo(device);
  std::vector<std::vector<uint8_t>> pixels(2);
  uint32_t state = 1;
  for (std::vector<uint8_t>& view : pixels) {
    view.resize(batch_size * side * side * 3);
    for (uint8_t& value : view) value = (state = state * 1664525 + 1013904223) >> 24;
  }

  const std::vector<double> rates(optimizer->groups().size(), 1e-3);
  at::Tensor loss;
  bool waits = false;
  std::vector<double> parts(4);
  const at::Tensor any = method->trained_parameters()[0].tensor.detach().flatten().narrow(0, 0, 1);
  const auto step = [&] {
    absl::Time begin = absl::Now();
    const auto ended = [&](int part) {
      if (!waits) return;
      any.cpu();
      parts[part] += absl::ToDoubleSeconds(absl::Now() - begin);
      begin = absl::Now();
    };
    optimizer->ZeroGrad();
    Batch batch;
    for (const std::vector<uint8_t>& view : pixels) {
      batch.views.push_back({normalizer.Normalize(view, batch_size, side), at::Tensor()});
    }
    ended(0);
    const BatchPass pass = AccumulateGradients(batch, 1, method.get());
    ended(1);
    loss = at::stack({optimizer->GradientNormTensor()});
    optimizer->Step(rates);
    ended(2);
    method->AfterStep();
    ended(3);
  };
  for (int i = 0; i < 6; ++i) step();
  loss.cpu();
  const absl::Time begin = absl::Now();
  int64_t steps = 0;
  double took = 0;
  while (took < seconds) {
    for (int i = 0; i < 10; ++i) step();
    steps += 10;
    loss.cpu();
    took = absl::ToDoubleSeconds(absl::Now() - begin);
  }
  // What the processor needs to start a step, and what each part of one takes when it is waited
  // for.
  const absl::Time start = absl::Now();
  for (int i = 0; i < 3; ++i) step();
  const double launched = absl::ToDoubleSeconds(absl::Now() - start) / 3;
  loss.cpu();
  waits = true;
  step();
  parts.assign(parts.size(), 0);
  for (int i = 0; i < 5; ++i) step();
  std::printf(
      "{\"images_per_second\": %.1f, \"ms_per_step\": %.2f, \"ms_to_launch\": %.2f, "
      "\"ms_waited\": {\"upload\": %.2f, \"forward_backward\": %.2f, \"optimizer\": %.2f, "
      "\"after_step\": %.2f}, \"peak_mib\": %.0f, \"norm\": %.4f}\n",
      static_cast<double>(steps * batch_size) / took, 1e3 * took / static_cast<double>(steps),
      1e3 * launched, 200 * parts[0], 200 * parts[1], 200 * parts[2], 200 * parts[3],
      static_cast<double>(PeakDeviceBytes(device)) / (1 << 20), loss.cpu().item().toDouble());
  return 0;
}

}  // namespace
}  // namespace cassle

int main(int argc, char** argv) { return cassle::Main(argc, argv); }
