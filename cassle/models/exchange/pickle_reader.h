// Reading the pickles of torch.save, and only those: state dicts, whose values are numbers,
// strings, lists, tuples, dicts and tensors. Nothing is ever executed: a pickle names functions to
// call, and this reader knows what the handful below mean and refuses every other by name.
//
//   collections.OrderedDict, torch.Size, torch._utils._rebuild_tensor, _rebuild_tensor_v2,
//   _rebuild_parameter; storages torch.FloatStorage, HalfStorage, BFloat16Storage, DoubleStorage,
//   LongStorage, IntStorage, ShortStorage, CharStorage, ByteStorage, BoolStorage
//
// Not torch::jit's (torch::pickle_load): that of LibTorch 1.13 fails with an internal assertion at
// an OrderedDict, which every state dict is, knows protocol 2 and the zip format only, and brings
// all of LibTorch along.
//
// Format: https://docs.python.org/3/library/pickletools.html, protocols 2 to 5.
#ifndef CASSLE_MODELS_EXCHANGE_PICKLE_READER_H_
#define CASSLE_MODELS_EXCHANGE_PICKLE_READER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cassle {

enum class ElementType { kF16, kBF16, kF32, kF64, kI64, kI32, kI16, kI8, kU8, kBool };

// Bytes of one element.
int64_t ElementSize(ElementType type);

struct PickleValue {
  enum class Kind {
    kNone,
    kBool,
    kInt,
    kFloat,
    kString,
    kTuple,
    kList,
    kDict,
    kGlobal,
    kStorage,
    kTensor
  };
  Kind kind = Kind::kNone;
  // kBool, kInt
  int64_t integer = 0;
  // kFloat
  double real = 0;
  // kString: the text (bytes too); kGlobal: "module.name"; kStorage: its key
  std::string text;
  // kTuple, kList: the items; kDict: key, value, key, value, ...; kTensor: its storage
  std::vector<const PickleValue*> items;
  // kStorage: what it holds, how many elements, and where they start in the storage of that key
  ElementType type = ElementType::kF32;
  int64_t elements = 0;
  int64_t first = 0;
  // kTensor, in elements of the storage; inside it, whatever the file says.
  int64_t offset = 0;
  std::vector<int64_t> shape;
  std::vector<int64_t> strides;

  bool Is(Kind other) const { return kind == other; }
  // The value of a dict's text key; null if there is none.
  const PickleValue* Find(absl::string_view key) const;
};

// A pickle that was read. Values may refer to each other in any way, cycles included.
class Pickle {
 public:
  // The pickle that `bytes` begin with. Memory is O(bytes).
  // \error kDataLoss, naming the place, if it is damaged, or naming what is not understood.
  static absl::StatusOr<Pickle> Read(absl::string_view bytes);

  const PickleValue& root() const { return *root_; }
  // Bytes that the pickle takes.
  size_t size() const { return size_; }
  // Every storage that is mentioned, in the order of the file.
  const std::vector<const PickleValue*>& storages() const { return storages_; }

 private:
  friend class Unpickler;
  std::vector<std::unique_ptr<PickleValue>> values_;
  std::vector<const PickleValue*> storages_;
  const PickleValue* root_ = nullptr;
  size_t size_ = 0;
};

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_PICKLE_READER_H_
