// Weight files of others: what torch.save writes, and safetensors.
//
//   zip (PyTorch 1.6 and later)   NAME/data.pkl      pickle: the dict, with references to storages
//                                 NAME/data/KEY      one storage's elements, little-endian
//   before 1.6                    four pickles (magic number, version, system, the dict), a pickled
//                                 list of keys; then for each key: int64 count, elements
//
// Only state dicts are understood (pickle_reader.h). Nested dicts become names joined with '.':
// {"backbone": {"conv1.weight": t}} is "backbone.conv1.weight".
#ifndef CASSLE_MODELS_EXCHANGE_TORCH_FILE_H_
#define CASSLE_MODELS_EXCHANGE_TORCH_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/base/safetensors.h"

namespace cassle {

// A tensor in row-major order. Floating-point types are converted to float32 (float16 and bfloat16
// exactly, float64 rounded), integers and booleans to int64.
struct WeightArray {
  std::string name;
  // kF32 or kI64
  DType dtype = DType::kF32;
  std::vector<int64_t> shape;
  std::string bytes;
};

// In the order of the file; strided and shared storages are written out. Memory: the file and the
// result.
// \error kDataLoss in one line if it is damaged, truncated, or holds something else.
absl::StatusOr<std::vector<WeightArray>> ParseTorchFile(absl::string_view bytes);

// Reads a .pth/.pt or .safetensors file, told apart by content.
// \error kNotFound if it cannot be read; kDataLoss, naming the file, as ParseTorchFile and
// SafetensorsFile::Open.
absl::StatusOr<std::vector<WeightArray>> ReadWeightFile(const std::string& path);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_TORCH_FILE_H_
