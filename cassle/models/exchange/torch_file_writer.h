// Writing what Python's torch.load reads: a state dict as a zip archive (PyTorch 1.6 and later).
//
//   archive/data.pkl    pickle, protocol 2: OrderedDict of name -> torch._utils._rebuild_tensor_v2
//   archive/data/N      the elements of tensor N, little-endian, from a multiple of 64 bytes on
//   archive/version     "3"
//   archive/metadata/K  what `metadata` has under K; torch.load does not look at it
//
// Records are stored, not compressed, without dates: equal tensors give equal bytes.
#ifndef CASSLE_MODELS_EXCHANGE_TORCH_FILE_WRITER_H_
#define CASSLE_MODELS_EXCHANGE_TORCH_FILE_WRITER_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/models/exchange/weight_array.h"

namespace cassle {

// Writes `arrays` in their order.
// \error InvalidArgument if the file would need more than 4 GiB or 65535 records; else as
// FileWriter.
absl::Status WriteTorchFile(const std::string& path, const std::vector<WeightArray>& arrays,
                            const std::map<std::string, std::string>& metadata = {});

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_TORCH_FILE_WRITER_H_
