#include "cassle/data/images/resample.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "cassle/data/images/resample_passes.h"

namespace cassle {
namespace {

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

// Which inputs an axis reads: in_size pixels, of which start .. start + length are resized.
struct AxisRange {
  int in_size;
  double start;
  double length;

  bool IsCopy(int out_size) const {
    return start == 0.0 && length == out_size && in_size == out_size;
  }
};

// Which outputs of an axis are made: `count` from `first`, of `size`.
struct OutputRange {
  int size;
  int first;
  int count;
};

void ComputeWeights(const AxisRange& range, const OutputRange& output, Interpolation interpolation,
                    ResampleAxis* axis) {
  const bool cubic = interpolation == Interpolation::kBicubic;
  const double scale = range.length / output.size;
  const double filter_scale = std::max(scale, 1.0);
  const double support = (cubic ? 2.0 : 1.0) * filter_scale;
  const double inverse_filter_scale = 1.0 / filter_scale;
  const auto center = [&](int i) { return range.start + (output.first + i + 0.5) * scale; };
  const auto begin = [&](int i) {
    return std::max(static_cast<int>(center(i) - support + 0.5), 0);
  };
  const auto end = [&](int i) {
    return std::min(static_cast<int>(center(i) + support + 0.5), range.in_size);
  };
  axis->taps = 1;
  for (int i = 0; i < output.count; ++i) axis->taps = std::max(axis->taps, end(i) - begin(i));
  axis->first.resize(output.count);
  axis->weight.assign(static_cast<size_t>(output.count) * axis->taps, 0);
  axis->exact.resize(axis->taps);
  for (int i = 0; i < output.count; ++i) {
    const int first = begin(i);
    const int count = end(i) - first;
    double sum = 0;
    for (int k = 0; k < count; ++k) {
      const double x = (k + first - center(i) + 0.5) * inverse_filter_scale;
      axis->exact[k] = cubic ? Cubic(x) : Triangle(x);
      sum += axis->exact[k];
    }
    // All outputs have the same number of taps; none reaches beyond the inputs.
    axis->first[i] = std::min(first, range.in_size - axis->taps);
    int32_t* weight = &axis->weight[static_cast<size_t>(i) * axis->taps] + (first - axis->first[i]);
    for (int k = 0; k < count; ++k) {
      const double normalised = sum != 0.0 ? axis->exact[k] / sum : axis->exact[k];
      weight[k] = static_cast<int32_t>((normalised < 0 ? -0.5 : 0.5) +
                                       normalised * (1 << kResampleWeightBits));
    }
  }
}

absl::Status CheckSize(int out_height, int out_width) {
  if (out_height >= 1 && out_width >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("resample: output size ", out_height, "x", out_width, " must be at least 1x1"));
}

// Resizes `rows` x `columns` of the pixels that begin at `top`, `left`.
void ResampleRanges(const RgbImage& source, int top, int left, const AxisRange& rows,
                    const AxisRange& columns, const OutputRange& out_rows,
                    const OutputRange& out_columns, Interpolation interpolation,
                    ResampleScratch* scratch, RgbImage* view) {
  // The rows of the source that the wanted outputs look at.
  const bool copy_rows = rows.IsCopy(out_rows.size);
  int first_row = out_rows.first;
  int row_count = out_rows.count;
  if (!copy_rows) {
    ComputeWeights(rows, out_rows, interpolation, &scratch->rows);
    std::vector<int>& first = scratch->rows.first;
    first_row = *std::min_element(first.begin(), first.end());
    row_count = *std::max_element(first.begin(), first.end()) + scratch->rows.taps - first_row;
    for (int& row : first) row -= first_row;
  }
  const int64_t row_bytes = int64_t{3} * out_columns.count;
  const int64_t stride = row_bytes + kResampleRowSlack;
  scratch->narrowed.resize(row_count * stride);
  if (columns.IsCopy(out_columns.size)) {
    for (int y = 0; y < row_count; ++y) {
      std::copy_n(source.At(top + first_row + y, left + out_columns.first), row_bytes,
                  &scratch->narrowed[y * stride]);
    }
  } else {
    ComputeWeights(columns, out_columns, interpolation, &scratch->columns);
    ResampleAlongRows(scratch->columns, source, top + first_row, left, row_count, columns.in_size,
                      scratch, stride);
  }
  view->Resize(out_rows.count, out_columns.count);
  if (copy_rows) {
    for (int y = 0; y < row_count; ++y) {
      std::copy_n(&scratch->narrowed[y * stride], row_bytes, view->At(y, 0));
    }
    return;
  }
  ResampleAlongColumns(scratch->rows, scratch->narrowed.data(), stride, row_bytes,
                       view->pixels.data());
}

}  // namespace

absl::Status Resample(const RgbImage& source, const Box& box, int out_height, int out_width,
                      Interpolation interpolation, ResampleScratch* scratch, RgbImage* view) {
  if (box.height < 1 || box.width < 1 || box.top < 0 || box.left < 0 ||
      box.top > source.height - box.height || box.left > source.width - box.width) {
    return absl::InvalidArgumentError(
        absl::StrCat("resample: box top=", box.top, " left=", box.left, " height=", box.height,
                     " width=", box.width, " is not inside an image of height ", source.height,
                     " and width ", source.width));
  }
  const absl::Status status = CheckSize(out_height, out_width);
  if (!status.ok()) return status;
  ResampleRanges(source, box.top, box.left, {box.height, 0.0, static_cast<double>(box.height)},
                 {box.width, 0.0, static_cast<double>(box.width)}, {out_height, 0, out_height},
                 {out_width, 0, out_width}, interpolation, scratch, view);
  return absl::OkStatus();
}

absl::Status Resample(const RgbImage& source, const FractionalBox& box, int out_height,
                      int out_width, Interpolation interpolation, ResampleScratch* scratch,
                      RgbImage* view) {
  if (!(box.height > 0.0 && box.width > 0.0 && box.top >= 0.0 && box.left >= 0.0 &&
        box.top + box.height <= source.height && box.left + box.width <= source.width)) {
    return absl::InvalidArgumentError(
        absl::StrCat("resample: box top=", box.top, " left=", box.left, " height=", box.height,
                     " width=", box.width, " is not inside an image of height ", source.height,
                     " and width ", source.width));
  }
  const absl::Status status = CheckSize(out_height, out_width);
  if (!status.ok()) return status;
  // The whole pixels that the box touches.
  const int top = static_cast<int>(std::floor(box.top));
  const int left = static_cast<int>(std::floor(box.left));
  const int bottom = static_cast<int>(std::ceil(box.top + box.height));
  const int right = static_cast<int>(std::ceil(box.left + box.width));
  ResampleRanges(source, top, left, {bottom - top, box.top - top, box.height},
                 {right - left, box.left - left, box.width}, {out_height, 0, out_height},
                 {out_width, 0, out_width}, interpolation, scratch, view);
  return absl::OkStatus();
}

absl::Status ResampleWindow(const RgbImage& source, int out_height, int out_width,
                            const Box& window, Interpolation interpolation,
                            ResampleScratch* scratch, RgbImage* view) {
  if (source.height < 1 || source.width < 1 || window.height < 1 || window.width < 1 ||
      window.top < 0 || window.left < 0 || window.top > out_height - window.height ||
      window.left > out_width - window.width) {
    return absl::InvalidArgumentError(absl::StrCat(
        "resample: window top=", window.top, " left=", window.left, " height=", window.height,
        " width=", window.width, " is not inside ", out_height, "x", out_width));
  }
  ResampleRanges(source, 0, 0, {source.height, 0.0, static_cast<double>(source.height)},
                 {source.width, 0.0, static_cast<double>(source.width)},
                 {out_height, window.top, window.height}, {out_width, window.left, window.width},
                 interpolation, scratch, view);
  return absl::OkStatus();
}

absl::Status Resample(const RgbImage& source, const Box& box, int out_height, int out_width,
                      Interpolation interpolation, RgbImage* view) {
  ResampleScratch scratch;
  return Resample(source, box, out_height, out_width, interpolation, &scratch, view);
}

}  // namespace cassle
