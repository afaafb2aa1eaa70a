// Weights of other programs, of whatever kind, told apart by their content:
//
//   .pth .pt .bin .ckpt        torch.save's (torch_file.h)
//   .safetensors               also unaligned, also with types that are not read
//   ....index.json             Hugging Face's list of the files that hold a part each
//
// A folder is searched for one of these, and what lies beside it tells what tensors do not
// (foreign_config.h).
#ifndef CASSLE_MODELS_EXCHANGE_WEIGHT_FILE_H_
#define CASSLE_MODELS_EXCHANGE_WEIGHT_FILE_H_

#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/models/exchange/weight_array.h"

namespace cassle {

// `path` itself if it is no folder, else the file of weights in it: the one that Hugging Face's
// libraries would load, or the only one.
// \error kNotFound if there is none; kDataLoss, listing them, if there are several.
absl::StatusOr<std::string> LocateWeights(const std::string& path);

// The names of other files of weights in the folder of `path`, which is one; not the parts of an
// index.
std::vector<std::string> OtherWeights(const std::string& path);

// Files beside a file of weights that belong to it: config.json, preprocessor_config.json,
// model.textproto (of a model folder of ours), the parts of an index. Those that exist.
std::vector<std::string> FilesBeside(const std::string& path);

// \error kNotFound if it (or a part) cannot be read; kDataLoss, naming the file, if it is damaged
// or something else, or a part does not hold what the index says.
absl::StatusOr<WeightFile> ReadWeightFile(const std::string& path);

// Safetensors in memory; `path` is what messages call it.
absl::StatusOr<WeightFile> ParseForeignSafetensors(const std::string& path,
                                                   absl::string_view bytes);

// The files that an index ("weight_map") lists, each with the names of its tensors, as WeightArray
// has them.
using WeightIndex = std::map<std::string, std::set<std::string>>;

// \error DataLoss if it is no index, or names files that do not lie beside it.
absl::StatusOr<WeightIndex> ParseWeightIndex(absl::string_view text);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_WEIGHT_FILE_H_
