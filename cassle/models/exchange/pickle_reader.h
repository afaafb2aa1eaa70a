// Reading the pickles of torch.save: dicts, lists, tuples, texts, numbers and tensors
// (pickle_objects.h), and around them whatever a training script keeps in its checkpoint, as opaque
// values. Nothing is ever executed.
//
// Not torch::jit's (torch::pickle_load): that of LibTorch 1.13 fails with an internal assertion at
// an OrderedDict, which every state dict is, knows protocol 2 and the zip format only, and brings
// all of LibTorch along.
//
// Format: https://docs.python.org/3/library/pickletools.html, protocols 0 to 5.
#ifndef CASSLE_MODELS_EXCHANGE_PICKLE_READER_H_
#define CASSLE_MODELS_EXCHANGE_PICKLE_READER_H_

#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/models/exchange/pickle_value.h"

namespace cassle {

// A pickle that was read. Values may refer to each other in any way, cycles included.
class Pickle {
 public:
  // The pickle that `bytes` begin with. Memory is O(bytes).
  // \error kDataLoss, naming the place, if it is damaged.
  static absl::StatusOr<Pickle> Read(absl::string_view bytes);

  const PickleValue& root() const { return *root_; }
  // Bytes that the pickle takes.
  size_t size() const { return size_; }
  // Every storage that is mentioned, in the order of the file.
  const std::vector<const PickleValue*>& storages() const { return storages_; }

 private:
  friend class Unpickler;
  PickleValues values_;
  std::vector<const PickleValue*> storages_;
  const PickleValue* root_ = nullptr;
  size_t size_ = 0;
};

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_PICKLE_READER_H_
