#include "cassle/models/batch_tensor.h"

#include <ATen/Context.h>
#include <ATen/ops/empty.h>
#include <c10/util/Exception.h>

#include <algorithm>

namespace cassle {

PixelNormalizer::PixelNormalizer(const std::array<double, 3>& mean,
                                 const std::array<double, 3>& std) {
  for (int channel = 0; channel < 3; ++channel) {
    for (int value = 0; value < 256; ++value) {
      table_[channel][value] = static_cast<float>((value / 255.0 - mean[channel]) / std[channel]);
    }
  }
}

at::Tensor PixelNormalizer::Normalize(const std::vector<uint8_t>& pixels, int64_t batch_size,
                                      int64_t side) const {
  const int64_t count = batch_size * side * side;
  TORCH_CHECK(static_cast<int64_t>(pixels.size()) == 3 * count, "PixelNormalizer: ", pixels.size(),
              " bytes are not ", batch_size, " images of ", side, "x", side);
  // Where there is a GPU, copies to it need pinned memory to run beside the computation.
  const bool pinned = at::hasCUDA();
  at::Tensor images = at::empty({batch_size, 3, side, side}, at::kFloat, c10::nullopt, c10::nullopt,
                                pinned, at::MemoryFormat::ChannelsLast);
  float* out = images.data_ptr<float>();
  const uint8_t* in = pixels.data();
  for (int64_t i = 0; i < count; ++i, in += 3, out += 3) {
    out[0] = table_[0][in[0]];
    out[1] = table_[1][in[1]];
    out[2] = table_[2][in[2]];
  }
  return images;
}

at::Tensor MatrixTensor(const std::vector<float>& values, int64_t batch_size) {
  at::Tensor matrix =
      at::empty({batch_size, static_cast<int64_t>(values.size()) / batch_size}, at::kFloat);
  TORCH_CHECK(matrix.numel() == static_cast<int64_t>(values.size()),
              "MatrixTensor: ", values.size(), " values do not fill ", batch_size, " rows");
  std::copy(values.begin(), values.end(), matrix.data_ptr<float>());
  return matrix;
}

at::Tensor LabelTensor(const std::vector<int64_t>& labels) {
  at::Tensor tensor = at::empty({static_cast<int64_t>(labels.size())}, at::kLong);
  std::copy(labels.begin(), labels.end(), tensor.data_ptr<int64_t>());
  return tensor;
}

}  // namespace cassle
