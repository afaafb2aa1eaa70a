#include "cassle/data/resample.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "absl/strings/str_cat.h"

namespace cassle {
namespace {

// Pillow's PRECISION_BITS: 8 bits of value and 2 of head room leave 22 for the weight.
constexpr int kWeightBits = 32 - 8 - 2;
constexpr int32_t kHalf = 1 << (kWeightBits - 1);

double Triangle(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double Cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1;
  if (x < 2.0) return (((x - 5) * x + 8) * x - 4) * a;
  return 0.0;
}

// The weights of one axis: output i is the sum over k < count[i] of weight[i * stride + k] times
// input first[i] + k.
struct AxisWeights {
  int stride = 0;
  std::vector<int> first;
  std::vector<int> count;
  std::vector<int32_t> weight;
};

AxisWeights ComputeWeights(int in_size, int out_size, Interpolation interpolation) {
  const bool cubic = interpolation == Interpolation::kBicubic;
  const double scale = static_cast<double>(in_size) / out_size;
  const double filter_scale = std::max(scale, 1.0);
  const double support = (cubic ? 2.0 : 1.0) * filter_scale;
  const double inverse_filter_scale = 1.0 / filter_scale;
  AxisWeights axis;
  axis.stride = static_cast<int>(std::ceil(support)) * 2 + 1;
  axis.first.resize(out_size);
  axis.count.resize(out_size);
  axis.weight.assign(static_cast<size_t>(out_size) * axis.stride, 0);
  std::vector<double> exact(axis.stride);
  for (int i = 0; i < out_size; ++i) {
    const double center = (i + 0.5) * scale;
    const int begin = std::max(static_cast<int>(center - support + 0.5), 0);
    const int end = std::min(static_cast<int>(center + support + 0.5), in_size);
    double sum = 0;
    for (int k = 0; k < end - begin; ++k) {
      const double x = (k + begin - center + 0.5) * inverse_filter_scale;
      exact[k] = cubic ? Cubic(x) : Triangle(x);
      sum += exact[k];
    }
    int32_t* weight = &axis.weight[static_cast<size_t>(i) * axis.stride];
    for (int k = 0; k < end - begin; ++k) {
      const double normalised = sum != 0.0 ? exact[k] / sum : exact[k];
      weight[k] =
          static_cast<int32_t>((normalised < 0 ? -0.5 : 0.5) + normalised * (1 << kWeightBits));
    }
    axis.first[i] = begin;
    axis.count[i] = end - begin;
  }
  return axis;
}

uint8_t RoundToByte(int32_t fixed) {
  return static_cast<uint8_t>(std::clamp(fixed >> kWeightBits, 0, 255));
}

// One row: `source` holds in_size pixels, `out` gets axis.first.size().
void ResampleRow(const AxisWeights& axis, const uint8_t* source, uint8_t* out) {
  const int out_size = static_cast<int>(axis.first.size());
  for (int i = 0; i < out_size; ++i) {
    const int32_t* weight = &axis.weight[static_cast<size_t>(i) * axis.stride];
    const uint8_t* pixel = source + 3 * axis.first[i];
    int32_t red = kHalf, green = kHalf, blue = kHalf;
    for (int k = 0; k < axis.count[i]; ++k, pixel += 3) {
      red += weight[k] * pixel[0];
      green += weight[k] * pixel[1];
      blue += weight[k] * pixel[2];
    }
    out[3 * i] = RoundToByte(red);
    out[3 * i + 1] = RoundToByte(green);
    out[3 * i + 2] = RoundToByte(blue);
  }
}

// All rows: the same weights for every byte of a row, so the inner loops run along the row.
void ResampleColumns(const AxisWeights& axis, const uint8_t* source, int row_bytes, uint8_t* out) {
  std::vector<int32_t> sums(row_bytes);
  for (size_t i = 0; i < axis.first.size(); ++i) {
    std::fill(sums.begin(), sums.end(), kHalf);
    for (int k = 0; k < axis.count[i]; ++k) {
      const int32_t weight = axis.weight[i * axis.stride + k];
      const uint8_t* row = source + static_cast<int64_t>(axis.first[i] + k) * row_bytes;
      for (int x = 0; x < row_bytes; ++x) sums[x] += weight * row[x];
    }
    for (int x = 0; x < row_bytes; ++x) out[x] = RoundToByte(sums[x]);
    out += row_bytes;
  }
}

}  // namespace

absl::Status Resample(const RgbImage& source, const Box& box, int out_height, int out_width,
                      Interpolation interpolation, RgbImage* view) {
  if (box.height < 1 || box.width < 1 || box.top < 0 || box.left < 0 ||
      box.top > source.height - box.height || box.left > source.width - box.width) {
    return absl::InvalidArgumentError(
        absl::StrCat("resample: box top=", box.top, " left=", box.left, " height=", box.height,
                     " width=", box.width, " is not inside an image of height ", source.height,
                     " and width ", source.width));
  }
  if (out_height < 1 || out_width < 1) {
    return absl::InvalidArgumentError(absl::StrCat("resample: output size ", out_height, "x",
                                                   out_width, " must be at least 1x1"));
  }
  // Horizontal pass, or a copy of the box where the width stays.
  const int row_bytes = out_width * 3;
  std::vector<uint8_t> rows(static_cast<size_t>(box.height) * row_bytes);
  if (out_width != box.width) {
    const AxisWeights axis = ComputeWeights(box.width, out_width, interpolation);
    for (int y = 0; y < box.height; ++y) {
      ResampleRow(axis, source.At(box.top + y, box.left),
                  &rows[static_cast<size_t>(y) * row_bytes]);
    }
  } else {
    for (int y = 0; y < box.height; ++y) {
      std::copy_n(source.At(box.top + y, box.left), row_bytes,
                  &rows[static_cast<size_t>(y) * row_bytes]);
    }
  }
  view->height = out_height;
  view->width = out_width;
  if (out_height == box.height) {
    view->pixels = std::move(rows);
    return absl::OkStatus();
  }
  view->pixels.resize(static_cast<size_t>(out_height) * row_bytes);
  ResampleColumns(ComputeWeights(box.height, out_height, interpolation), rows.data(), row_bytes,
                  view->pixels.data());
  return absl::OkStatus();
}

}  // namespace cassle
