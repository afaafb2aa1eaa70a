// The engine's side of tools/bench_augment.sh: pairs of views per second, through the public
// interface alone. The end product is what the Python sides make too: two float32 [3, S, S] views,
// normalised, per image.
//
//   pair_benchmark --workload=32|photos --images=FOLDER [--decode=exact|fast] [--threads=1]
//                  [--seconds=3] [--clock=wall|cpu] [--contact_sheet=PNG]
//
//   32      decoded images in memory to 32 px
//   photos  JPEG files in memory, decoded once per pair, to 224 px
//
// Prints one line: pairs per second of wall time, or of the process' processor time.
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/augment/pixels/float_image.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/augment/views/apply.h"
#include "cassle/augment/views/sample.h"
#include "cassle/augment/views/view_decoder.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/base/vector_kernels.h"
#include "cassle/data/images/codec.h"

namespace cassle {
namespace {

struct Settings {
  std::string workload, images, contact_sheet;
  std::string decode = "exact";
  std::string clock = "wall";
  int threads = 1;
  double seconds = 3;
};

absl::Status ParseFlags(int argc, char** argv, Settings* settings) {
  const std::map<std::string, std::string*> texts = {{"workload", &settings->workload},
                                                     {"images", &settings->images},
                                                     {"decode", &settings->decode},
                                                     {"clock", &settings->clock},
                                                     {"contact_sheet", &settings->contact_sheet}};
  for (int i = 1; i < argc; ++i) {
    const std::string flag = argv[i];
    const size_t equals = flag.find('=');
    const std::string name(absl::StripPrefix(flag.substr(0, equals), "--"));
    const std::string value = equals == std::string::npos ? "" : flag.substr(equals + 1);
    const auto text = texts.find(name);
    if (text != texts.end()) {
      *text->second = value;
    } else if (!(name == "threads" && absl::SimpleAtoi(value, &settings->threads)) &&
               !(name == "seconds" && absl::SimpleAtod(value, &settings->seconds))) {
      return absl::InvalidArgumentError(absl::StrCat("unknown flag or bad value: ", flag));
    }
  }
  if ((settings->workload != "32" && settings->workload != "photos") || settings->images.empty() ||
      settings->threads < 1) {
    return absl::InvalidArgumentError("give --workload=32 or photos, and --images=FOLDER");
  }
  return absl::OkStatus();
}

// The preset, at 32 px with the blur that the Python sides have too (9 taps; the preset has none).
absl::StatusOr<v1::Policy> MakePolicy(const Settings& settings) {
  const bool small = settings.workload == "32";
  CASSLE_ASSIGN_OR_RETURN(v1::Policy policy, LoadPolicy(small ? "cifar" : "imagenet"));
  std::string changes;
  if (small) {
    changes = "blur { probability: 0.5 sigma_min_px: 0.1 sigma_max_px: 2 kernel_px: 9 }";
  }
  // Exact is how the engine decodes if nothing is said.
  if (settings.decode != "exact") absl::StrAppend(&changes, " decode: FAST");
  CASSLE_RETURN_IF_ERROR(ParseTextProto(changes, "--decode", &policy));
  CASSLE_RETURN_IF_ERROR(CheckPolicy(policy));
  return policy;
}

// 8-bit [S, S, 3] to float32 [3, S, S]: (pixel / 255 - mean) / std.
class Normalizer {
 public:
  explicit Normalizer(const v1::Policy& policy) {
    std::copy_n(policy.mean().begin(), 3, mean_.begin());
    std::copy_n(policy.std().begin(), 3, std_.begin());
  }
  void Normalize(const RgbImage& image, std::vector<float>* planes) const {
    planes->resize(size_t{3} * image.height * image.width);
    cassle::Normalize(image, mean_, std_, planes->data());
  }

 private:
  std::array<double, 3> mean_, std_;
};

// What the threads share; nothing of it changes.
struct Inputs {
  v1::Policy policy;
  // JPEG files, and for the workload "32" their pixels.
  std::vector<v1::ImageRecord> files;
  std::vector<RgbImage> images;
};

// What one thread reuses from pair to pair.
struct Worker {
  std::array<v1::ViewRecord, 2> records;
  ViewDecoder decoder;
  Canvas canvas;
  RgbImage view;
  std::array<std::vector<float>, 2> pair;
};

// The one place that decodes: `number` counts the pairs, so every visit of an image draws anew.
absl::Status MakePair(const Inputs& inputs, const Normalizer& normalizer, uint64_t number,
                      Worker* worker) {
  const size_t index = number % inputs.files.size();
  const v1::ImageRecord& file = inputs.files[index];
  const auto epoch = static_cast<uint32_t>(number / inputs.files.size());
  for (uint32_t view = 0; view < 2; ++view) {
    worker->records[view] =
        SampleView(inputs.policy, {/*seed=*/0, epoch, index, view}, file.height(), file.width());
  }
  const bool decoded = !inputs.images.empty();
  if (!decoded) CASSLE_RETURN_IF_ERROR(worker->decoder.Decode(file, worker->records));
  for (uint32_t view = 0; view < 2; ++view) {
    const SourcePixels source =
        decoded ? SourcePixels(inputs.images[index]) : worker->decoder.source(view);
    CASSLE_RETURN_IF_ERROR(
        ApplyView(source, &worker->records[view], &worker->canvas, &worker->view));
    normalizer.Normalize(worker->view, &worker->pair[view]);
  }
  return absl::OkStatus();
}

absl::StatusOr<Inputs> ReadInputs(const Settings& settings) {
  Inputs inputs;
  CASSLE_ASSIGN_OR_RETURN(inputs.policy, MakePolicy(settings));
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ListDirectory(settings.images));
  for (const std::string& name : names) {
    if (!absl::EndsWith(name, ".jpg")) continue;
    CASSLE_ASSIGN_OR_RETURN(std::string bytes, ReadFile(JoinPath(settings.images, name)));
    if (settings.workload == "32") {
      inputs.images.emplace_back();
      CASSLE_RETURN_IF_ERROR(Annotate(DecodeImage(bytes, &inputs.images.back()), name));
    }
    CASSLE_ASSIGN_OR_RETURN(const ImageHeader header, ReadImageHeader(bytes));
    v1::ImageRecord file;
    file.set_key(name);
    file.set_height(header.height);
    file.set_width(header.width);
    file.set_encoded(std::move(bytes));
    inputs.files.push_back(std::move(file));
  }
  if (inputs.files.empty()) {
    return absl::NotFoundError(absl::StrCat(settings.images, " holds no .jpg files"));
  }
  return inputs;
}

double Seconds(const std::string& clock) {
  std::timespec now;
  clock_gettime(clock == "cpu" ? CLOCK_PROCESS_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Pairs per second of all threads together. Each has its own part of the numbers and of the memory.
absl::StatusOr<double> Measure(const Inputs& inputs, const Settings& settings) {
  const Normalizer normalizer(inputs.policy);
  std::atomic<int> ready{0};
  std::atomic<bool> start{false}, stop{false};
  std::vector<uint64_t> pairs(settings.threads);
  std::vector<absl::Status> statuses(settings.threads);
  std::vector<std::thread> threads;
  for (int t = 0; t < settings.threads; ++t) {
    threads.emplace_back([&, t] {
      Worker worker;
      uint64_t number = uint64_t{1} * t * inputs.files.size() / settings.threads;
      // Warm-up: until all buffers have their size.
      for (size_t i = 0; i < inputs.files.size() && statuses[t].ok(); ++i) {
        statuses[t] = MakePair(inputs, normalizer, number++, &worker);
      }
      ready.fetch_add(1);
      while (!start.load()) std::this_thread::yield();
      uint64_t done = 0;
      while (statuses[t].ok() && !stop.load(std::memory_order_relaxed)) {
        statuses[t] = MakePair(inputs, normalizer, number++, &worker);
        ++done;
      }
      pairs[t] = done;
    });
  }
  while (ready.load() < settings.threads) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const double begin = Seconds(settings.clock);
  start.store(true);
  std::this_thread::sleep_for(std::chrono::duration<double>(settings.seconds));
  stop.store(true);
  for (std::thread& thread : threads) thread.join();
  const double elapsed = Seconds(settings.clock) - begin;
  double total = 0;
  for (int t = 0; t < settings.threads; ++t) {
    CASSLE_RETURN_IF_ERROR(statuses[t]);
    total += static_cast<double>(pairs[t]);
  }
  return total / elapsed;
}

// Eight images with a pair each, mapped back to pixels: to see that this is the same product.
absl::Status WriteContactSheet(const Inputs& inputs, const std::string& path) {
  const Normalizer normalizer(inputs.policy);
  const int side = inputs.policy.size();
  const int columns = std::min<int>(8, static_cast<int>(inputs.files.size()));
  RgbImage sheet;
  sheet.Resize(2 * side, columns * side);
  Worker worker;
  for (int column = 0; column < columns; ++column) {
    CASSLE_RETURN_IF_ERROR(MakePair(inputs, normalizer, column, &worker));
    for (int view = 0; view < 2; ++view) {
      for (int i = 0; i < 3 * side * side; ++i) {
        const int c = i / (side * side), y = i / side % side, x = i % side;
        const double value = worker.pair[view][i] * inputs.policy.std(c) + inputs.policy.mean(c);
        sheet.At(view * side + y, column * side + x)[c] =
            static_cast<uint8_t>(std::clamp(value * 255.0 + 0.5, 0.0, 255.0));
      }
    }
  }
  CASSLE_ASSIGN_OR_RETURN(const std::string png, EncodePng(sheet));
  return WriteFile(path, png);
}

absl::Status Run(int argc, char** argv) {
  Settings settings;
  CASSLE_RETURN_IF_ERROR(ParseFlags(argc, argv, &settings));
  CASSLE_ASSIGN_OR_RETURN(const Inputs inputs, ReadInputs(settings));
  if (!settings.contact_sheet.empty()) return WriteContactSheet(inputs, settings.contact_sheet);
  CASSLE_ASSIGN_OR_RETURN(const double pairs_per_second, Measure(inputs, settings));
  std::printf("%.2f\n", pairs_per_second);
  return absl::OkStatus();
}

}  // namespace
}  // namespace cassle

int main(int argc, char** argv) {
  cassle::LimitVectorKernels();
  const absl::Status status = cassle::Run(argc, argv);
  if (status.ok()) return 0;
  std::fprintf(stderr, "pair_benchmark: %s\n", std::string(status.message()).c_str());
  return 1;
}
