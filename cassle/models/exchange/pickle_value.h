// What a pickle of torch.save holds, without Python (pickle_reader.h).
#ifndef CASSLE_MODELS_EXCHANGE_PICKLE_VALUE_H_
#define CASSLE_MODELS_EXCHANGE_PICKLE_VALUE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "cassle/models/exchange/element_type.h"

namespace cassle {

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
    // A class or function by name.
    kGlobal,
    kStorage,
    kTensor,
    // What only Python could make: an object of a class that is not known here, what an unknown
    // function would return, a number of more than 64 bits.
    kOpaque
  };
  Kind kind = Kind::kNone;
  // kBool, kInt; of a number of more than 64 bits (kOpaque) the lowest 64
  int64_t integer = 0;
  // kFloat
  double real = 0;
  // kString: the text (bytes too); kGlobal: "module.name"; kStorage: its key; kOpaque: the class or
  // function, "argparse.Namespace"
  std::string text;
  // kTuple, kList: the items; kDict: key, value, key, value, ...; kTensor: its storage; kOpaque:
  // keys and values that were set on it, if its class is a kind of dict
  std::vector<const PickleValue*> items;
  // kOpaque: what __setstate__ would get, or the new __dict__; null if there is none.
  const PickleValue* state = nullptr;
  // kStorage: what it holds, how many elements of how many bytes, and where they start in the
  // storage of that key
  ElementType type = ElementType::kF32;
  int64_t element_size = 4;
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

// Owns the values of one pickle.
class PickleValues {
 public:
  PickleValue* Make(PickleValue::Kind kind);
  // Of the values, and of what was copied out of others.
  size_t bytes() const { return values_.size() * sizeof(PickleValue) + copied_bytes_; }
  void CountCopies(size_t bytes) { copied_bytes_ += bytes; }

 private:
  std::vector<std::unique_ptr<PickleValue>> values_;
  size_t copied_bytes_ = 0;
};

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_PICKLE_VALUE_H_
