// The tensors of a pickle, by name. Nested dicts and lists become names joined with '.':
// {"backbone": {"conv1.weight": t}} is "backbone.conv1.weight". An object of an unknown class gives
// what was set on it as on a dict, and a torch.nn.Module (recognised by what it is made of) its
// parameters and buffers under the names of its state_dict().
#ifndef CASSLE_MODELS_EXCHANGE_STATE_DICT_H_
#define CASSLE_MODELS_EXCHANGE_STATE_DICT_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/models/exchange/pickle_reader.h"
#include "cassle/models/exchange/weight_array.h"

namespace cassle {

// storages: the bytes of each by key. Time and memory are O(pickle + storages), however often the
// pickle refers to the same values.
// Containers that hold themselves, or lie below more than 64 others, are not read.
// \error kDataLoss if values or storages are shared so often that the result would be many times
// the file.
absl::StatusOr<WeightFile> CollectTensors(const Pickle& pickle,
                                          const std::map<std::string, absl::string_view>& storages);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_STATE_DICT_H_
