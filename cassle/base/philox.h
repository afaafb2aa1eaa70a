// Philox 4x32-10, a counter-based random generator (Salmon et al. 2011, "Parallel random numbers:
// as easy as 1, 2, 3"): every draw is a pure function of its key, so threads, ranks, order and
// resuming change nothing.
//
//   Philox random(StreamKey{seed, RandomDomain::kCrop, image_id, epoch, view});
//   double area = random.Uniform(0.2, 1.0);
//
// A stream is a small value: copy it freely. Equal keys give equal draws, different keys
// independent ones.
#ifndef CASSLE_BASE_PHILOX_H_
#define CASSLE_BASE_PHILOX_H_

#include <array>
#include <cstdint>

namespace cassle {

// One enumerator per independent use. The numbers are part of every recorded result: never
// renumber.
enum class RandomDomain : uint32_t {
  kTest = 0,
  // Views: one domain per operation, so that switching one off leaves the others' draws alone.
  kCrop = 1,
  kFlip = 2,
  kColorJitter = 3,
  kSolarize = 4,
  kGrayscale = 5,
  kBlur = 6,
  kRotation = 7,
  // The order of the colour operations per batch (compat OFFICIAL).
  kColorOrder = 8,
  kVerticalFlip = 9,
  kColorDrop = 10,
  kAngleRotation = 11,
  kGaussianNoise = 12,
  kCutout = 13,
  // Data.
  kShuffle = 32,
  kSplit = 33,
  kShapes = 34,
  kBootstrap = 35,
  // Training.
  kWeights = 64,
  kQueue = 65,
  kSketch = 66,
  kMixup = 67,
  kDropPath = 68,
};

// Key of a stream: the seed of the run, the use, and up to 128 bits of identity.
struct StreamKey {
  uint64_t seed = 0;
  RandomDomain domain = RandomDomain::kTest;
  // Image id, or the hash of a parameter's name, ...
  uint64_t index = 0;
  uint32_t epoch = 0;
  uint32_t view = 0;
};

class Philox {
 public:
  explicit Philox(const StreamKey& key);

  // 32 uniform bits.
  uint32_t NextUint32();
  // 64 uniform bits.
  uint64_t NextUint64();
  // Uniform in [0, 1), a multiple of 2^-53.
  double NextDouble();
  // Uniform in [low, high); `low` when the two are equal.
  double Uniform(double low, double high);
  // Uniform in 0 .. n-1 without bias. n > 0.
  uint64_t Below(uint64_t n);
  // True with the given probability; never at 0, always at 1.
  bool Bernoulli(double probability);
  // Standard normal (Box-Muller, both values used).
  double NextGaussian();

  // The bijection itself: ten rounds on one counter. For tests against the published vectors.
  static std::array<uint32_t, 4> Block(std::array<uint32_t, 4> counter,
                                       std::array<uint32_t, 2> key);

 private:
  std::array<uint32_t, 2> key_;
  std::array<uint32_t, 4> counter_;
  std::array<uint32_t, 4> block_ = {};
  // Words of block_ already used; 4 when a new block is due.
  int used_ = 4;
  bool has_gaussian_ = false;
  double gaussian_ = 0;
};

// A well mixed 64-bit hash of two words (one Philox block): derives sub-seeds.
uint64_t MixSeed(uint64_t seed, uint64_t salt);

}  // namespace cassle

#endif  // CASSLE_BASE_PHILOX_H_
