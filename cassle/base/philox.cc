#include "cassle/base/philox.h"

#include <cmath>

namespace cassle {
namespace {

void MultiplyHighLow(uint32_t a, uint32_t b, uint32_t* high, uint32_t* low) {
  const uint64_t product = static_cast<uint64_t>(a) * b;
  *high = static_cast<uint32_t>(product >> 32);
  *low = static_cast<uint32_t>(product);
}

}  // namespace

std::array<uint32_t, 4> Philox::Block(std::array<uint32_t, 4> c, std::array<uint32_t, 2> k) {
  for (int round = 0; round < 10; ++round) {
    uint32_t high0, low0, high1, low1;
    MultiplyHighLow(0xD2511F53u, c[0], &high0, &low0);
    MultiplyHighLow(0xCD9E8D57u, c[2], &high1, &low1);
    c = {high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0};
    k[0] += 0x9E3779B9u;
    k[1] += 0xBB67AE85u;
  }
  return c;
}

// The 192 bits of a StreamKey do not fit beside a running counter, so one block hashes seed,
// domain, epoch and view into the stream's 64-bit key; the image id stays in the counter as it is.
// Two streams of one run then share a key only by a 64-bit collision.
Philox::Philox(const StreamKey& stream) {
  const std::array<uint32_t, 4> mixed =
      Block({static_cast<uint32_t>(stream.domain), stream.epoch, stream.view, 0x63617373u},
            {static_cast<uint32_t>(stream.seed), static_cast<uint32_t>(stream.seed >> 32)});
  key_ = {mixed[0], mixed[1]};
  counter_ = {0, mixed[2], static_cast<uint32_t>(stream.index),
              static_cast<uint32_t>(stream.index >> 32)};
}

uint32_t Philox::NextUint32() {
  if (used_ == 4) {
    block_ = Block(counter_, key_);
    ++counter_[0];
    used_ = 0;
  }
  return block_[used_++];
}

uint64_t Philox::NextUint64() {
  const uint64_t high = NextUint32();
  return (high << 32) | NextUint32();
}

double Philox::NextDouble() { return static_cast<double>(NextUint64() >> 11) * 0x1.0p-53; }

double Philox::Uniform(double low, double high) {
  const double x = low + (high - low) * NextDouble();
  // The sum may have been rounded up.
  return x < high ? x : std::nextafter(high, low);
}

uint64_t Philox::Below(uint64_t n) {
  // Lemire's method would need 128-bit products; rejection on the top multiple is simple and as
  // unbiased.
  const uint64_t limit = UINT64_MAX - UINT64_MAX % n;
  uint64_t draw;
  do {
    draw = NextUint64();
  } while (draw >= limit);
  return draw % n;
}

bool Philox::Bernoulli(double probability) { return NextDouble() < probability; }

double Philox::NextGaussian() {
  if (has_gaussian_) {
    has_gaussian_ = false;
    return gaussian_;
  }
  // 1 - u is in (0, 1], so the logarithm is finite.
  const double radius = std::sqrt(-2 * std::log(1 - NextDouble()));
  const double angle = 2 * M_PI * NextDouble();
  gaussian_ = radius * std::sin(angle);
  has_gaussian_ = true;
  return radius * std::cos(angle);
}

uint64_t MixSeed(uint64_t seed, uint64_t salt) {
  const std::array<uint32_t, 4> mixed = Philox::Block(
      {static_cast<uint32_t>(salt), static_cast<uint32_t>(salt >> 32), 0, 0x6d697865u},
      {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  return (static_cast<uint64_t>(mixed[0]) << 32) | mixed[1];
}

}  // namespace cassle
