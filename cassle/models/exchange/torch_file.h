// What torch.save writes:
//
//   zip (PyTorch 1.6 and later)   NAME/data.pkl      pickle: the dict, with references to storages
//                                 NAME/data/KEY      one storage's elements, little-endian
//                                 NAME/metadata/KEY  of our own export (torch_file_writer.h)
//   before 1.6                    four pickles (magic number, version, system, the dict), a pickled
//                                 list of keys; then for each key: int64 count, elements
//
// Use weight_file.h to read a file of whatever kind.
#ifndef CASSLE_MODELS_EXCHANGE_TORCH_FILE_H_
#define CASSLE_MODELS_EXCHANGE_TORCH_FILE_H_

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/models/exchange/weight_array.h"

namespace cassle {

// Memory: the file and the result.
// \error kDataLoss in one line if it is damaged, truncated, or holds something else.
absl::StatusOr<WeightFile> ParseTorchFile(absl::string_view bytes);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_TORCH_FILE_H_
