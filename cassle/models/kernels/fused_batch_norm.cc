#include "cassle/models/kernels/fused_batch_norm.h"

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/GradMode.h>
#include <c10/util/Exception.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>
#include <vector>

#include "cassle/models/kernels/batch_norm_kernels.h"
#include "cassle/runtime/ranks/synced_statistics.h"
#include "cassle/runtime/ranks/team.h"

namespace cassle {
namespace {

constexpr double kEpsilon = 1e-5;
constexpr double kMomentum = 0.1;
// Partial sums are taken over this many parts whatever the number of threads.
constexpr int64_t kBlocks = 32;

// T is how the kernels see the values: float, or uint16_t for bfloat16.
template <typename T>
T* Data(const at::Tensor& tensor) {
  return tensor.defined() ? static_cast<T*>(tensor.data_ptr()) : nullptr;
}
// Null stays null.
template <typename T>
T* At(T* data, int64_t element) {
  return data == nullptr ? nullptr : data + element;
}

// Calls f with a value of the kernels' type for this tensor.
template <typename F>
auto WithTypeOf(const at::Tensor& tensor, F f) {
  return tensor.scalar_type() == at::kFloat ? f(float()) : f(uint16_t());
}

// Cuts a channels-last tensor into strips of 64 values (see batch_norm_kernels.h).
struct Layout {
  explicit Layout(const at::Tensor& tensor)
      : channels(tensor.size(1)),
        rows(tensor.numel() / channels),
        width(std::max<int64_t>(channels, kStrip)),
        strips(tensor.numel() / width) {}

  // f(block, first element, strips, first lane) for every block and every 64 of the lanes; blocks
  // run in parallel.
  void ForEach(const std::function<void(int64_t, int64_t, int64_t, int64_t)>& f) const {
    at::parallel_for(0, kBlocks, 1, [&](int64_t first_block, int64_t last_block) {
      for (int64_t block = first_block; block < last_block; ++block) {
        const int64_t first = block * strips / kBlocks, last = (block + 1) * strips / kBlocks;
        for (int64_t lane = 0; lane < width; lane += kStrip) {
          f(block, first * width + lane, last - first, lane);
        }
      }
    });
  }

  // Per-channel values -> lanes.
  std::vector<float> Spread(const std::vector<double>& values) const {
    std::vector<float> lanes(width);
    for (int64_t lane = 0; lane < width; ++lane) lanes[lane] = values[lane % channels];
    return lanes;
  }
  // Partial sums [kBlocks, width] -> per-channel sums.
  std::vector<double> Fold(const std::vector<float>& partial) const {
    std::vector<double> sums(channels);
    for (size_t i = 0; i < partial.size(); ++i) sums[i % width % channels] += partial[i];
    return sums;
  }

  const int64_t channels;
  // Values per channel.
  const int64_t rows;
  // Lanes: `channels`, or 64 if there are fewer.
  const int64_t width;
  const int64_t strips;
};

std::vector<double> Values(const at::Tensor& tensor) {
  const float* data = tensor.data_ptr<float>();
  return std::vector<double>(data, data + tensor.numel());
}

struct Statistics {
  std::vector<double> mean;
  std::vector<double> inverse_deviation;
  // Biased.
  std::vector<double> variance;
};

Statistics BatchStatistics(const at::Tensor& input, const Layout& layout) {
  // Sums of differences from the first row lose no digits when the mean is far from zero.
  std::vector<double> shift(layout.channels);
  for (int64_t channel = 0; channel < layout.channels; ++channel) {
    shift[channel] = input.scalar_type() == at::kFloat
                         ? input.data_ptr<float>()[channel]
                         : static_cast<float>(input.data_ptr<at::BFloat16>()[channel]);
  }
  const std::vector<float> shifts = layout.Spread(shift);
  std::vector<float> sums(kBlocks * layout.width), squares(kBlocks * layout.width);
  WithTypeOf(input, [&](auto type) {
    const auto* x = Data<decltype(type)>(input);
    layout.ForEach([&](int64_t block, int64_t element, int64_t strips, int64_t lane) {
      const int64_t to = block * layout.width + lane;
      SumStrips(x + element, strips, layout.width, &shifts[lane], &sums[to], &squares[to]);
    });
  });
  const std::vector<double> sum = layout.Fold(sums), square = layout.Fold(squares);
  Statistics statistics;
  for (int64_t channel = 0; channel < layout.channels; ++channel) {
    const double mean = sum[channel] / layout.rows;
    const double difference = square[channel] / layout.rows - mean * mean;
    // Not std::max: NaN stays NaN.
    const double variance = difference < 0 ? 0 : difference;
    statistics.mean.push_back(shift[channel] + mean);
    statistics.variance.push_back(variance);
  }
  return statistics;
}

void FillInverseDeviation(Statistics* statistics) {
  for (const double variance : statistics->variance) {
    statistics->inverse_deviation.push_back(1 / std::sqrt(variance + kEpsilon));
  }
}

void UpdateRunning(const Statistics& statistics, int64_t rows, const at::Tensor& running_mean,
                   const at::Tensor& running_var) {
  float* mean = running_mean.data_ptr<float>();
  float* variance = running_var.data_ptr<float>();
  const double unbiased = static_cast<double>(rows) / (rows - 1);
  for (size_t i = 0; i < statistics.mean.size(); ++i) {
    mean[i] += kMomentum * (statistics.mean[i] - mean[i]);
    variance[i] += kMomentum * (statistics.variance[i] * unbiased - variance[i]);
  }
}

at::Tensor Normalize(const at::Tensor& input, const at::Tensor& residual, const at::Tensor& weight,
                     const at::Tensor& bias, const Statistics& statistics, bool relu) {
  const Layout layout(input);
  std::vector<double> scale = Values(weight), offset = Values(bias);
  for (int64_t channel = 0; channel < layout.channels; ++channel) {
    scale[channel] *= statistics.inverse_deviation[channel];
    offset[channel] -= scale[channel] * statistics.mean[channel];
  }
  const std::vector<float> scales = layout.Spread(scale), offsets = layout.Spread(offset);
  at::Tensor output = at::empty_like(input);
  WithTypeOf(input, [&](auto type) {
    using T = decltype(type);
    const T* x = Data<T>(input);
    const T* addend = Data<T>(residual);
    T* y = Data<T>(output);
    layout.ForEach([&](int64_t, int64_t element, int64_t strips, int64_t lane) {
      NormalizeStrips(x + element, At(addend, element), strips, layout.width, &scales[lane],
                      &offsets[lane], relu, y + element);
    });
  });
  return output;
}

at::Tensor FloatTensor(const std::vector<double>& values) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, at::kFloat);
  std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
  return tensor;
}

class FusedFunction : public torch::autograd::Function<FusedFunction> {
 public:
  static at::Tensor forward(torch::autograd::AutogradContext* context, const at::Tensor& input,
                            const c10::optional<at::Tensor>& residual, const at::Tensor& weight,
                            const at::Tensor& bias, const Statistics& statistics, bool relu,
                            int64_t rows, int64_t team) {
    const at::Tensor output =
        Normalize(input, residual.value_or(at::Tensor()), weight, bias, statistics, relu);
    context->saved_data["relu"] = relu;
    context->saved_data["residual"] = residual.has_value();
    context->saved_data["rows"] = rows;
    context->saved_data["team"] = team;
    context->save_for_backward({input, output, weight, FloatTensor(statistics.mean),
                                FloatTensor(statistics.inverse_deviation)});
    return output;
  }

  // With g the gradient that passes the ReLU, n values per channel and s the inverse deviation:
  //   dbias = sum g, dweight = s sum g (x - mean), dx = weight s (g - sum g / n - (x - mean) s^2
  //   sum(g (x - mean)) / n)
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list gradients) {
    const auto saved = context->get_saved_variables();
    const at::Tensor& input = saved[0];
    const Layout layout(input);
    const at::Tensor gradient =
        gradients[0].to(input.scalar_type()).contiguous(at::MemoryFormat::ChannelsLast);
    // What passed the ReLU is positive in the output.
    const at::Tensor output = context->saved_data["relu"].toBool() ? saved[1] : at::Tensor();
    const std::vector<double> weight = Values(saved[2]), mean = Values(saved[3]),
                              inverse = Values(saved[4]);
    const std::vector<float> means = layout.Spread(mean);
    std::vector<float> sums(kBlocks * layout.width), products(kBlocks * layout.width);
    WithTypeOf(input, [&](auto type) {
      using T = decltype(type);
      const T *x = Data<T>(input), *y = Data<T>(output), *dy = Data<T>(gradient);
      layout.ForEach([&](int64_t block, int64_t element, int64_t strips, int64_t lane) {
        const int64_t to = block * layout.width + lane;
        SumGradientStrips(x + element, At(y, element), dy + element, strips, layout.width,
                          &means[lane], &sums[to], &products[to]);
      });
    });
    // Those of weight and bias are a rank's own part; the input's needs the sums of all rows.
    const std::vector<double> own_sum = layout.Fold(sums), own_product = layout.Fold(products);
    std::vector<double> sum = own_sum, product = own_product;
    Team* team = reinterpret_cast<Team*>(context->saved_data["team"].toInt());
    if (team != nullptr) SumBoth(team, &sum, &product);
    const double rows = static_cast<double>(context->saved_data["rows"].toInt());
    std::vector<double> scale = weight, slope = weight, offset = weight, weight_gradient = weight;
    for (int64_t channel = 0; channel < layout.channels; ++channel) {
      const double s = inverse[channel];
      scale[channel] = weight[channel] * s;
      slope[channel] = -scale[channel] * s * s * product[channel] / rows;
      offset[channel] = -scale[channel] * sum[channel] / rows - slope[channel] * mean[channel];
      weight_gradient[channel] = own_product[channel] * s;
    }
    const std::vector<float> scales = layout.Spread(scale), slopes = layout.Spread(slope),
                             offsets = layout.Spread(offset);
    at::Tensor input_gradient = at::empty_like(input);
    at::Tensor residual_gradient;
    if (context->saved_data["residual"].toBool()) residual_gradient = at::empty_like(input);
    WithTypeOf(input, [&](auto type) {
      using T = decltype(type);
      const T *x = Data<T>(input), *y = Data<T>(output), *dy = Data<T>(gradient);
      T *dx = Data<T>(input_gradient), *dresidual = Data<T>(residual_gradient);
      layout.ForEach([&](int64_t, int64_t element, int64_t strips, int64_t lane) {
        GradientStrips(x + element, At(y, element), dy + element, strips, layout.width,
                       &scales[lane], &slopes[lane], &offsets[lane], dx + element,
                       At(dresidual, element));
      });
    });
    return {input_gradient,       residual_gradient, FloatTensor(weight_gradient),
            FloatTensor(own_sum), at::Tensor(),      at::Tensor(),
            at::Tensor(),         at::Tensor()};
  }
};

}  // namespace

bool FusedBatchNormTakes(const at::Tensor& input) {
  const bool type_fits = input.scalar_type() == at::kBFloat16 || input.scalar_type() == at::kFloat;
  if (!type_fits || input.dim() != 4 || !input.device().is_cpu()) return false;
  if (!input.is_contiguous(at::MemoryFormat::ChannelsLast)) return false;
  const int64_t channels = input.size(1);
  if (channels >= kStrip) return channels % kStrip == 0;
  return channels >= 8 && kStrip % channels == 0 && input.numel() % kStrip == 0;
}

at::Tensor FusedBatchNorm(const at::Tensor& input, const at::Tensor& residual,
                          const at::Tensor& weight, const at::Tensor& bias,
                          const at::Tensor& running_mean, const at::Tensor& running_var,
                          bool relu) {
  TORCH_CHECK(FusedBatchNormTakes(input), "FusedBatchNorm: not for ", input.scalar_type(), " ",
              input.sizes());
  const Layout layout(input);
  Team* team = OwnRowsScope::current();
  TORCH_CHECK(layout.rows > 1 || team != nullptr,
              "FusedBatchNorm: more than one value per channel needed");
  for (const at::Tensor& vector : {weight, bias, running_mean, running_var}) {
    TORCH_CHECK(vector.scalar_type() == at::kFloat && vector.numel() == layout.channels &&
                    vector.is_contiguous(),
                "FusedBatchNorm: weights and statistics must be ", layout.channels, " floats");
  }
  TORCH_CHECK(!residual.defined() ||
                  (residual.sizes() == input.sizes() &&
                   residual.scalar_type() == input.scalar_type() && FusedBatchNormTakes(residual)),
              "FusedBatchNorm: the residual must be like the input");
  Statistics statistics = BatchStatistics(input, layout);
  int64_t rows = layout.rows;
  if (team != nullptr) CombineMoments(team, &statistics.mean, &statistics.variance, &rows);
  FillInverseDeviation(&statistics);
  UpdateRunning(statistics, rows, running_mean, running_var);
  if (!c10::GradMode::is_enabled()) {
    return Normalize(input, residual, weight, bias, statistics, relu);
  }
  c10::optional<at::Tensor> addend;
  if (residual.defined()) addend = residual;
  return FusedFunction::apply(input, addend, weight, bias, statistics, relu, rows,
                              reinterpret_cast<int64_t>(team));
}

}  // namespace cassle
