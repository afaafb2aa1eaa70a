// Views per second on one core. Run:
//   bazel run -c opt //cassle/augment/loading:augment_benchmark
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>

#include "cassle/augment/loading/view_loader.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/testing/test_images.h"
#include "cassle/augment/views/apply.h"
#include "cassle/augment/views/descriptor.h"
#include "cassle/augment/views/sample.h"
#include "cassle/augment/views/view_decoder.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/images/resample.h"

namespace cassle {
namespace {

// Never fails here: presets and sizes are fixed.
template <class T>
T OrDie(absl::StatusOr<T> value) {
  if (!value.ok()) std::abort();
  return *std::move(value);
}

// Smooth colours with some texture, as a photograph has.
RgbImage Photograph(int height, int width) {
  RgbImage coarse, image;
  coarse.Resize(12, 16);
  Philox random(StreamKey{1, RandomDomain::kTest, 0, 0, 0});
  for (uint8_t& value : coarse.pixels) value = static_cast<uint8_t>(random.Below(256));
  if (!Resample(coarse, WholeImage(coarse), height, width, Interpolation::kBicubic, &image).ok()) {
    std::abort();
  }
  for (uint8_t& value : image.pixels) {
    value = static_cast<uint8_t>((value * 15 + random.Below(256)) / 16);
  }
  return image;
}

void MakeView(const v1::Policy& policy, const RgbImage& source, uint64_t image_id, uint32_t view,
              Canvas* canvas, RgbImage* result) {
  v1::ViewRecord record = SampleView(policy, {1, 0, image_id, view}, source.height, source.width);
  if (!ApplyView(source, &record, canvas, result).ok()) std::abort();
}

// From decoded pixels, as training on small images with the loader's cache.
void BM_ViewFromPixels(benchmark::State& state, const std::string& preset, int height, int width) {
  const v1::Policy policy = OrDie(LoadPolicy(preset));
  const RgbImage source = Photograph(height, width);
  Canvas canvas;
  RgbImage view;
  uint64_t image_id = 0;
  for (auto _ : state) {
    MakeView(policy, source, image_id++, 0, &canvas, &view);
    benchmark::DoNotOptimize(view.pixels.data());
  }
  state.counters["views"] = benchmark::Counter(state.iterations(), benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(BM_ViewFromPixels, cifar_32, "cifar", 32, 32);
BENCHMARK_CAPTURE(BM_ViewFromPixels, stl10_96, "stl10", 96, 96);
BENCHMARK_CAPTURE(BM_ViewFromPixels, imagenet_224, "imagenet", 375, 500);

// A pair of views of a JPEG photograph, decoding included.
void BM_PairFromJpeg(benchmark::State& state, v1::Decode decode) {
  v1::Policy policy = OrDie(LoadPolicy("imagenet"));
  policy.set_decode(decode);
  v1::ImageRecord image;
  image.set_height(375);
  image.set_width(500);
  image.set_encoded(OrDie(EncodeJpeg(Photograph(375, 500), 90)));
  ViewDecoder decoder;
  Canvas canvas;
  RgbImage view;
  std::vector<v1::ViewRecord> records(2);
  uint64_t image_id = 0;
  for (auto _ : state) {
    for (uint32_t v = 0; v < 2; ++v) {
      records[v] = SampleView(policy, {1, 0, image_id, v}, image.height(), image.width());
    }
    if (!decoder.Decode(image, records).ok()) std::abort();
    for (uint32_t v = 0; v < 2; ++v) {
      if (!ApplyView(decoder.source(v), &records[v], &canvas, &view).ok()) std::abort();
    }
    benchmark::DoNotOptimize(view.pixels.data());
    ++image_id;
  }
  state.counters["views"] =
      benchmark::Counter(2.0 * state.iterations(), benchmark::Counter::kIsRate);
}
BENCHMARK_CAPTURE(BM_PairFromJpeg, exact, v1::EXACT);
BENCHMARK_CAPTURE(BM_PairFromJpeg, fast, v1::FAST);

// Batches of the loader as pretraining sees them: 256 pairs at 32 px, images in the cache.
void BM_LoaderPairs(benchmark::State& state) {
  ViewLoaderOptions options;
  options.images = OrDie(Dataset::Open(MakeTestDataset("benchmark", TestImageRecords(1024))));
  options.policy = OrDie(LoadPolicy("cifar"));
  options.groups = DescriptorGroupsOf(options.policy);
  options.num_epochs = int64_t{1} << 40;
  options.threads = static_cast<int>(state.range(0));
  const auto loader = OrDie(ViewLoader::Create(options));
  // The first epoch fills the cache.
  for (int64_t i = 0; i < loader->batches_per_epoch(); ++i) OrDie(loader->Next());
  for (auto _ : state) benchmark::DoNotOptimize(OrDie(loader->Next())->pixels[0].data());
  state.counters["pairs"] =
      benchmark::Counter(256.0 * state.iterations(), benchmark::Counter::kIsRate);
}
BENCHMARK(BM_LoaderPairs)->Arg(1)->Arg(2)->MeasureProcessCPUTime()->UseRealTime();

void BM_Sample(benchmark::State& state) {
  const v1::Policy policy = OrDie(LoadPolicy("imagenet"));
  uint64_t image_id = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(SampleView(policy, {1, 0, image_id++, 0}, 375, 500));
  }
}
BENCHMARK(BM_Sample);

void BM_Describe(benchmark::State& state) {
  const v1::Policy policy = OrDie(LoadPolicy("imagenet"));
  const DescriptorLayout layout =
      OrDie(DescriptorLayout::Create(policy, DescriptorGroupsOf(policy)));
  const v1::ViewRecord record = SampleView(policy, {1, 0, 5, 0}, 375, 500);
  std::vector<float> values(layout.size());
  for (auto _ : state) {
    layout.Describe(record, absl::MakeSpan(values));
    benchmark::DoNotOptimize(values.data());
  }
}
BENCHMARK(BM_Describe);

}  // namespace
}  // namespace cassle

BENCHMARK_MAIN();
