#include "cassle/augment/pixels/color_steps.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cassle/augment/pixels/color_steps.cc"
#include "hwy/foreach_target.h"  // must come before highway.h
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace cassle {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Pixels are taken sixteen at a time on every processor, in one, two or four vectors, so that sums
// are the same everywhere.
constexpr int64_t kGroup = 16;
// Pixels whose sum is taken in float, lane by lane, before it goes on in double.
constexpr int64_t kBlock = 64 * kGroup;

using D = hn::CappedTag<float, kGroup>;
using V = hn::Vec<D>;

struct Pixels {
  V red, green, blue;
};

HWY_INLINE V Clamp01(V x) {
  const D d;
  return hn::Min(hn::Max(x, hn::Zero(d)), hn::Set(d, 1.0f));
}

// No fused multiply-add: SSE4 has none, and the bits are to be the same.
HWY_INLINE V MultiplyThenAdd(V a, V b, V c) { return hn::Add(hn::Mul(a, b), c); }

HWY_INLINE void Blend(const ColorStep& step, Pixels* p) {
  const D d;
  const V factor = hn::Set(d, step.factor);
  const V offset = hn::Set(d, step.offset);
  p->red = Clamp01(MultiplyThenAdd(factor, p->red, offset));
  p->green = Clamp01(MultiplyThenAdd(factor, p->green, offset));
  p->blue = Clamp01(MultiplyThenAdd(factor, p->blue, offset));
}

// With V = max and chroma D = max - min, S = D / V, and every channel is V - D t with t in [0, 1]
// fixed by the hue. So scaling S by f scales V - channel by f, at most until S = 1 (D' = V).
HWY_INLINE void Saturate(const ColorStep& step, Pixels* p) {
  const D d;
  const V value = hn::Max(hn::Max(p->red, p->green), p->blue);
  const V chroma = hn::Sub(value, hn::Min(hn::Min(p->red, p->green), p->blue));
  const auto coloured = hn::Gt(chroma, hn::Zero(d));
  // The scale at which S becomes 1.
  const V most = hn::Div(value, hn::IfThenElse(coloured, chroma, hn::Set(d, 1.0f)));
  const V scale = hn::IfThenElseZero(coloured, hn::Min(hn::Set(d, step.factor), most));
  p->red = hn::Sub(value, hn::Mul(hn::Sub(value, p->red), scale));
  p->green = hn::Sub(value, hn::Mul(hn::Sub(value, p->green), scale));
  p->blue = hn::Sub(value, hn::Mul(hn::Sub(value, p->blue), scale));
}

// Channel n (5 red, 3 green, 1 blue) of a hue h in sextants: V - D clamp(min(k, 4 - k), 0, 1) with
// k = (n + h) mod 6 (Smith 1978, in the branch-free form).
HWY_INLINE V ChannelOfHue(float n, V h, V value, V chroma) {
  const D d;
  const V sum = hn::Add(hn::Set(d, n), h);
  const V six = hn::Set(d, 6.0f);
  const V k = hn::IfThenElse(hn::Ge(sum, six), hn::Sub(sum, six), sum);
  return hn::Sub(value, hn::Mul(chroma, Clamp01(hn::Min(k, hn::Sub(hn::Set(d, 4.0f), k)))));
}

HWY_INLINE void ShiftHue(const ColorStep& step, Pixels* p) {
  const D d;
  const V zero = hn::Zero(d);
  const V six = hn::Set(d, 6.0f);
  const V value = hn::Max(hn::Max(p->red, p->green), p->blue);
  const V chroma = hn::Sub(value, hn::Min(hn::Min(p->red, p->green), p->blue));
  const auto red_first = hn::Eq(value, p->red);
  const auto green_first = hn::Eq(value, p->green);
  const V difference = hn::IfThenElse(
      red_first, hn::Sub(p->green, p->blue),
      hn::IfThenElse(green_first, hn::Sub(p->blue, p->red), hn::Sub(p->red, p->green)));
  const V sextant = hn::IfThenElse(red_first, zero,
                                   hn::IfThenElse(green_first, hn::Set(d, 2.0f), hn::Set(d, 4.0f)));
  const V divisor = hn::IfThenElse(hn::Gt(chroma, zero), chroma, hn::Set(d, 1.0f));
  // In [-4, 8].
  V h = hn::Add(hn::Add(sextant, hn::Div(difference, divisor)), hn::Set(d, 6.0f * step.factor));
  h = hn::IfThenElse(hn::Lt(h, zero), hn::Add(h, six), h);
  h = hn::IfThenElse(hn::Ge(h, six), hn::Sub(h, six), h);
  p->red = ChannelOfHue(5.0f, h, value, chroma);
  p->green = ChannelOfHue(3.0f, h, value, chroma);
  p->blue = ChannelOfHue(1.0f, h, value, chroma);
}

HWY_INLINE V SolarizeChannel(V threshold, V x) {
  const D d;
  return hn::IfThenElse(hn::Lt(x, threshold), x, hn::Sub(hn::Set(d, 1.0f), x));
}

HWY_INLINE void Solarize(const ColorStep& step, Pixels* p) {
  const D d;
  const V threshold = hn::Set(d, step.factor);
  p->red = SolarizeChannel(threshold, p->red);
  p->green = SolarizeChannel(threshold, p->green);
  p->blue = SolarizeChannel(threshold, p->blue);
}

HWY_INLINE void Gray(Pixels* p) {
  const D d;
  const V gray =
      hn::Add(MultiplyThenAdd(hn::Set(d, 0.587f), p->green, hn::Mul(hn::Set(d, 0.299f), p->red)),
              hn::Mul(hn::Set(d, 0.114f), p->blue));
  p->red = p->green = p->blue = gray;
}

HWY_INLINE void RunSteps(const ColorStep* steps, int num_steps, Pixels* p) {
  for (int i = 0; i < num_steps; ++i) {
    switch (steps[i].kind) {
      case ColorStep::Kind::kBlend:
        Blend(steps[i], p);
        break;
      case ColorStep::Kind::kSaturation:
        Saturate(steps[i], p);
        break;
      case ColorStep::Kind::kHue:
        ShiftHue(steps[i], p);
        break;
      case ColorStep::Kind::kSolarize:
        Solarize(steps[i], p);
        break;
      case ColorStep::Kind::kGrayscale:
        Gray(p);
        break;
    }
  }
}

// Sums of the three planes over one block, lane by lane.
struct BlockSums {
  float lanes[3][kGroup];

  HWY_INLINE void Store(int64_t lane, const Pixels& sums) {
    const D d;
    hn::StoreU(sums.red, d, lanes[0] + lane);
    hn::StoreU(sums.green, d, lanes[1] + lane);
    hn::StoreU(sums.blue, d, lanes[2] + lane);
  }
  void AddTo(double* totals) const {
    for (int c = 0; c < 3; ++c) {
      for (float lane : lanes[c]) totals[c] += lane;
    }
  }
};

HWY_INLINE void AddPixels(const Pixels& p, Pixels* sums) {
  sums->red = hn::Add(sums->red, p.red);
  sums->green = hn::Add(sums->green, p.green);
  sums->blue = hn::Add(sums->blue, p.blue);
}

// `count` a multiple of kGroup, at most kBlock.
template <bool kBefore, bool kAfter, bool kStore>
HWY_INLINE void RunBlock(const ColorStep* steps, int num_steps, float* HWY_RESTRICT red,
                         float* HWY_RESTRICT green, float* HWY_RESTRICT blue, int64_t count,
                         double* before, double* after) {
  const D d;
  const int64_t lanes = hn::Lanes(d);
  BlockSums before_sums, after_sums;
  for (int64_t lane = 0; lane < kGroup; lane += lanes) {
    Pixels sums_in = {hn::Zero(d), hn::Zero(d), hn::Zero(d)};
    Pixels sums_out = sums_in;
    for (int64_t i = lane; i < count; i += kGroup) {
      Pixels p = {hn::LoadU(d, red + i), hn::LoadU(d, green + i), hn::LoadU(d, blue + i)};
      if (kBefore) AddPixels(p, &sums_in);
      RunSteps(steps, num_steps, &p);
      if (kAfter) AddPixels(p, &sums_out);
      if (kStore) {
        hn::StoreU(p.red, d, red + i);
        hn::StoreU(p.green, d, green + i);
        hn::StoreU(p.blue, d, blue + i);
      }
    }
    if (kBefore) before_sums.Store(lane, sums_in);
    if (kAfter) after_sums.Store(lane, sums_out);
  }
  if (kBefore) before_sums.AddTo(before);
  if (kAfter) after_sums.AddTo(after);
}

template <bool kBefore, bool kAfter, bool kStore>
void RunPlanes(const ColorStep* steps, int num_steps, float* red, float* green, float* blue,
               int64_t count, double* before, double* after) {
  const int64_t whole = count / kGroup * kGroup;
  for (int64_t i = 0; i < whole; i += kBlock) {
    RunBlock<kBefore, kAfter, kStore>(steps, num_steps, red + i, green + i, blue + i,
                                      std::min(kBlock, whole - i), before, after);
  }
  // The rest in a group of its own, whose empty lanes count for nothing.
  const int64_t rest = count - whole;
  if (rest == 0) return;
  float* const planes[3] = {red + whole, green + whole, blue + whole};
  float group[3][kGroup] = {};
  for (int c = 0; c < 3; ++c) std::copy_n(planes[c], rest, group[c]);
  for (int c = 0; kBefore && c < 3; ++c) {
    for (int64_t i = 0; i < rest; ++i) before[c] += group[c][i];
  }
  RunBlock<false, false, true>(steps, num_steps, group[0], group[1], group[2], kGroup, nullptr,
                               nullptr);
  for (int c = 0; kAfter && c < 3; ++c) {
    for (int64_t i = 0; i < rest; ++i) after[c] += group[c][i];
  }
  for (int c = 0; kStore && c < 3; ++c) std::copy_n(group[c], rest, planes[c]);
}

// before and after: sums to add to, or null.
void RunOnPlanes(const ColorStep* steps, int num_steps, float* red, float* green, float* blue,
                 int64_t count, double* before, double* after) {
  const auto run = num_steps == 0                          ? RunPlanes<true, false, false>
                   : before != nullptr && after != nullptr ? RunPlanes<true, true, true>
                   : before != nullptr                     ? RunPlanes<true, false, true>
                   : after != nullptr                      ? RunPlanes<false, true, true>
                                                           : RunPlanes<false, false, true>;
  run(steps, num_steps, red, green, blue, count, before, after);
}

}  // namespace HWY_NAMESPACE
}  // namespace cassle
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace cassle {

HWY_EXPORT(RunOnPlanes);

void RunColorSteps(absl::Span<const ColorStep> steps, FloatImage* image, ChannelMeans* before,
                   ChannelMeans* after) {
  const auto run = [&](ChannelMeans* first, ChannelMeans* last) {
    const int64_t count = image->plane_size();
    if (first != nullptr) first->fill(0.0);
    if (last != nullptr) last->fill(0.0);
    HWY_DYNAMIC_DISPATCH(RunOnPlanes)
    (steps.data(), static_cast<int>(steps.size()), image->plane(0), image->plane(1),
     image->plane(2), count, first == nullptr ? nullptr : first->data(),
     last == nullptr ? nullptr : last->data());
    for (ChannelMeans* means : {first, last}) {
      if (means == nullptr || count == 0) continue;
      for (double& mean : *means) mean /= static_cast<double>(count);
    }
  };
  if (!steps.empty()) {
    run(before, after);
    return;
  }
  // Nothing changes: one set of means serves for both.
  ChannelMeans* const means = before != nullptr ? before : after;
  if (means == nullptr) return;
  run(means, nullptr);
  if (after != nullptr) *after = *means;
}

void RunColorSteps(absl::Span<const ColorStep> steps, FloatImage* image) {
  RunColorSteps(steps, image, nullptr, nullptr);
}

}  // namespace cassle
#endif  // HWY_ONCE
