#include "cassle/models/weights/batch_tensor.h"

#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <c10/util/Exception.h>

#include <algorithm>

#include "cassle/runtime/device.h"

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
  if (gpu_table_.defined()) return NormalizeOnGpu(pixels, batch_size, side);
  at::Tensor images = at::empty({batch_size, 3, side, side}, at::kFloat, c10::nullopt, c10::nullopt,
                                c10::nullopt, at::MemoryFormat::ChannelsLast);
  float* out = images.data_ptr<float>();
  const uint8_t* in = pixels.data();
  for (int64_t i = 0; i < count; ++i, in += 3, out += 3) {
    out[0] = table_[0][in[0]];
    out[1] = table_[1][in[1]];
    out[2] = table_[2][in[2]];
  }
  return images;
}

void PixelNormalizer::MoveTo(c10::Device device) {
  device_ = device;
  gpu_table_ = gpu_offsets_ = at::Tensor();
  if (device.is_cpu()) return;
  at::Tensor table = at::empty({3 * 256}, at::kFloat), offsets = at::empty({3}, at::kInt);
  for (int channel = 0; channel < 3; ++channel) {
    std::copy(table_[channel].begin(), table_[channel].end(),
              table.data_ptr<float>() + 256 * channel);
    offsets.data_ptr<int>()[channel] = 256 * channel;
  }
  gpu_table_ = table.to(device);
  gpu_offsets_ = offsets.to(device);
}

at::Tensor PixelNormalizer::NormalizeOnGpu(const std::vector<uint8_t>& pixels, int64_t batch_size,
                                           int64_t side) const {
  // Only read: Upload copies.
  const at::Tensor bytes =
      at::from_blob(const_cast<uint8_t*>(pixels.data()),
                    {static_cast<int64_t>(pixels.size()) / 3, 3}, at::TensorOptions(at::kByte));
  const at::Tensor places = Upload(bytes, device_).to(at::kInt).add_(gpu_offsets_);
  return gpu_table_.index_select(0, places.view({-1}))
      .view({batch_size, side, side, 3})
      .permute({0, 3, 1, 2});
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
