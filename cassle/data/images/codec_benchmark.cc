// Images per second that one core decodes. Run:
//   bazel run -c opt //cassle/data/images:codec_benchmark
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <random>
#include <string>

#include "cassle/data/images/codec.h"
#include "cassle/data/images/resample.h"

namespace cassle {
namespace {

// Smooth colours with some texture, as a photograph has.
RgbImage Photograph(int height, int width) {
  std::minstd_rand random(1);
  RgbImage coarse, image;
  coarse.Resize(12, 16);
  for (uint8_t& value : coarse.pixels) value = static_cast<uint8_t>(random() % 256);
  if (!Resample(coarse, WholeImage(coarse), height, width, Interpolation::kBicubic, &image).ok()) {
    std::abort();
  }
  for (uint8_t& value : image.pixels) {
    value = static_cast<uint8_t>((value * 15 + random() % 256) / 16);
  }
  return image;
}

void Decode(benchmark::State& state, const std::string& bytes) {
  RgbImage image;
  for (auto _ : state) {
    if (!DecodeImage(bytes, &image).ok()) std::abort();
    benchmark::DoNotOptimize(image.pixels.data());
  }
  state.counters["images"] = benchmark::Counter(state.iterations(), benchmark::Counter::kIsRate);
}

void BM_DecodeJpeg(benchmark::State& state) {
  Decode(state, EncodeJpeg(Photograph(state.range(0), state.range(1)), 90).value());
}
BENCHMARK(BM_DecodeJpeg)->Args({32, 32})->Args({96, 96})->Args({375, 500});

void BM_DecodePng(benchmark::State& state) {
  Decode(state, EncodePng(Photograph(state.range(0), state.range(1))).value());
}
BENCHMARK(BM_DecodePng)->Args({32, 32})->Args({96, 96})->Args({375, 500});

}  // namespace
}  // namespace cassle

BENCHMARK_MAIN();
