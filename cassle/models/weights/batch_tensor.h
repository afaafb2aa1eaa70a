// From the loader's bytes to the tensors a network takes.
#ifndef CASSLE_MODELS_WEIGHTS_BATCH_TENSOR_H_
#define CASSLE_MODELS_WEIGHTS_BATCH_TENSOR_H_

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <array>
#include <cstdint>
#include <vector>

namespace cassle {

// Channel-wise (pixel / 255 - mean) / std, R G B.
class PixelNormalizer {
 public:
  // std > 0.
  PixelNormalizer(const std::array<double, 3>& mean, const std::array<double, 3>& std);

  // pixels   [batch_size, side, side, 3] bytes.
  // Returns  [batch_size, 3, side, side] float32 in channels-last memory, which has the order of
  //          the bytes: one pass, each value looked up in a table of 256, so the result is the same
  //          on every machine.
  at::Tensor Normalize(const std::vector<uint8_t>& pixels, int64_t batch_size, int64_t side) const;

  // From now on Normalize uploads the bytes and looks up there: the same values, on `device`. The
  // pixels may change as soon as Normalize returns.
  void MoveTo(c10::Device device);

 private:
  at::Tensor NormalizeOnGpu(const std::vector<uint8_t>& pixels, int64_t batch_size,
                            int64_t side) const;

  // [channel][pixel value]
  std::array<std::array<float, 256>, 3> table_;
  c10::Device device_ = c10::Device(c10::kCPU);
  // On a GPU: the table as [768], and where each channel's part begins, [3] int32.
  at::Tensor gpu_table_, gpu_offsets_;
};

// values [batch_size, D] row-major -> float32 tensor [batch_size, D] of its own memory. D is
// values.size() / batch_size.
at::Tensor MatrixTensor(const std::vector<float>& values, int64_t batch_size);

// int64 tensor [B] of its own memory.
at::Tensor LabelTensor(const std::vector<int64_t>& labels);

}  // namespace cassle

#endif  // CASSLE_MODELS_WEIGHTS_BATCH_TENSOR_H_
