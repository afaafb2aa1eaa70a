#include "cassle/models/exchange/pickle_objects.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"

namespace cassle {
namespace {

using Kind = PickleValue::Kind;
using Items = std::vector<const PickleValue*>;
using Made = absl::StatusOr<PickleValue*>;

constexpr size_t kMaxRank = 16;

struct StorageName {
  const char* name;
  ElementType type;
  // Of one element: the format before PyTorch 1.6 must step over those that are not read.
  int64_t size;
};
constexpr StorageName kStorages[] = {
    {"torch.FloatStorage", ElementType::kF32, 4},
    {"torch.HalfStorage", ElementType::kF16, 2},
    {"torch.BFloat16Storage", ElementType::kBF16, 2},
    {"torch.DoubleStorage", ElementType::kF64, 8},
    {"torch.LongStorage", ElementType::kI64, 8},
    {"torch.IntStorage", ElementType::kI32, 4},
    {"torch.ShortStorage", ElementType::kI16, 2},
    {"torch.CharStorage", ElementType::kI8, 1},
    {"torch.ByteStorage", ElementType::kU8, 1},
    {"torch.BoolStorage", ElementType::kBool, 1},
    {"torch.ComplexFloatStorage", ElementType::kOther, 8},
    {"torch.ComplexDoubleStorage", ElementType::kOther, 16},
    {"torch.QInt8Storage", ElementType::kOther, 1},
    {"torch.QUInt8Storage", ElementType::kOther, 1},
    {"torch.QInt32Storage", ElementType::kOther, 4},
    {"torch.storage.UntypedStorage", ElementType::kOther, 1},
    {"torch.UntypedStorage", ElementType::kOther, 1},
};

absl::Status Bad(absl::string_view reason) { return absl::DataLossError(reason); }

bool IntegersOf(const PickleValue& tuple, std::vector<int64_t>* integers) {
  if (!tuple.Is(Kind::kTuple) && !tuple.Is(Kind::kList)) return false;
  if (tuple.items.size() > kMaxRank) return false;
  for (const PickleValue* item : tuple.items) {
    if (!item->Is(Kind::kInt) || item->integer < 0) return false;
    integers->push_back(item->integer);
  }
  return true;
}

Made MakeOpaque(const std::string& name, PickleValues* values) {
  PickleValue* opaque = values->Make(Kind::kOpaque);
  opaque->text = name;
  values->CountCopies(name.size());
  return opaque;
}

Made MakeDict(const Items& entries, PickleValues* values) {
  PickleValue* dict = values->Make(Kind::kDict);
  dict->items = entries;
  values->CountCopies(entries.size() * sizeof(entries[0]));
  return dict;
}

// OrderedDict() or OrderedDict([(key, value), ...]).
Made OrderedDict(const PickleValue& arguments, PickleValues* values) {
  if (arguments.items.empty()) return MakeDict({}, values);
  const PickleValue& pairs = *arguments.items[0];
  if (arguments.items.size() != 1 || !pairs.Is(Kind::kList)) {
    return Bad("an OrderedDict of no list");
  }
  Items entries;
  for (const PickleValue* pair : pairs.items) {
    if ((!pair->Is(Kind::kTuple) && !pair->Is(Kind::kList)) || pair->items.size() != 2) {
      return Bad("an OrderedDict of no pairs");
    }
    entries.insert(entries.end(), pair->items.begin(), pair->items.end());
  }
  return MakeDict(entries, values);
}

// defaultdict(factory): its entries are set afterwards.
Made DefaultDict(const PickleValue&, PickleValues* values) { return MakeDict({}, values); }

// Counter({key: count}).
Made Counter(const PickleValue& arguments, PickleValues* values) {
  if (arguments.items.empty() || !arguments.items[0]->Is(Kind::kDict)) return MakeDict({}, values);
  return MakeDict(arguments.items[0]->items, values);
}

Made Size(const PickleValue& arguments, PickleValues* values) {
  if (arguments.items.size() != 1 || !arguments.items[0]->Is(Kind::kTuple)) {
    return Bad("a size of no tuple");
  }
  PickleValue* tuple = values->Make(Kind::kTuple);
  tuple->items = arguments.items[0]->items;
  values->CountCopies(tuple->items.size() * sizeof(tuple->items[0]));
  return tuple;
}

// (data, requires_grad, hooks[, state])
Made Parameter(const PickleValue& arguments, PickleValues* values) {
  if (arguments.items.empty()) return Bad("a parameter of nothing");
  const PickleValue& data = *arguments.items[0];
  if (data.Is(Kind::kOpaque)) return MakeOpaque(data.text, values);
  if (!data.Is(Kind::kTensor)) return Bad("a parameter of no tensor");
  // Of its own, so that what the stack holds can be changed while values stay as they are.
  PickleValue* tensor = values->Make(Kind::kTensor);
  *tensor = data;
  return tensor;
}

// (storage, offset, shape, strides, ...)
Made Tensor(const PickleValue& arguments, PickleValues* values) {
  const Items& items = arguments.items;
  if (!items.empty() && items[0]->Is(Kind::kOpaque)) return MakeOpaque(items[0]->text, values);
  std::vector<int64_t> shape, strides;
  if (items.size() < 4 || !items[0]->Is(Kind::kStorage) || !items[1]->Is(Kind::kInt) ||
      items[1]->integer < 0 || !IntegersOf(*items[2], &shape) || !IntegersOf(*items[3], &strides) ||
      shape.size() != strides.size()) {
    return Bad("a tensor has no storage, offset, shape and strides");
  }
  const PickleValue& storage = *items[0];
  int64_t last = items[1]->integer, count = 1;
  bool fits = last <= storage.elements;
  for (size_t i = 0; i < shape.size(); ++i) {
    int64_t reach = 0;
    fits = fits && !__builtin_mul_overflow(count, shape[i], &count);
    if (shape[i] == 0) continue;
    fits = fits && !__builtin_mul_overflow(shape[i] - 1, strides[i], &reach) &&
           !__builtin_add_overflow(last, reach, &last);
  }
  if (!fits || (count > 0 && last >= storage.elements)) {
    return Bad("a tensor reaches beyond its storage");
  }
  PickleValue* tensor = values->Make(Kind::kTensor);
  tensor->items = {&storage};
  tensor->type = storage.type;
  tensor->element_size = storage.element_size;
  tensor->elements = count;
  tensor->offset = items[1]->integer;
  tensor->shape = std::move(shape);
  tensor->strides = std::move(strides);
  return tensor;
}

// (function, class, arguments, state): a subclass of Tensor, whose numbers are those of function's.
Made Subclass(const PickleValue& arguments, PickleValues* values) {
  const Items& items = arguments.items;
  if (items.size() < 3 || !items[0]->Is(Kind::kGlobal) || !items[2]->Is(Kind::kTuple)) {
    return Bad("a tensor of a class of its own has no function and arguments");
  }
  // No recursion: a subclass of a subclass is not written.
  if (items[0]->text == "torch._utils._rebuild_tensor_v2") return Tensor(*items[2], values);
  if (items[0]->text == "torch._utils._rebuild_parameter") return Parameter(*items[2], values);
  return MakeOpaque(items[0]->text, values);
}

struct Function {
  const char* name;
  Made (*value)(const PickleValue& arguments, PickleValues* values);
};
constexpr Function kFunctions[] = {
    {"collections.OrderedDict", OrderedDict},
    {"collections.defaultdict", DefaultDict},
    {"collections.Counter", Counter},
    {"torch.Size", Size},
    {"torch._utils._rebuild_tensor", Tensor},
    {"torch._utils._rebuild_tensor_v2", Tensor},
    {"torch._utils._rebuild_parameter", Parameter},
    {"torch._utils._rebuild_parameter_with_state", Parameter},
    {"torch._tensor._rebuild_from_type_v2", Subclass},
};

}  // namespace

Made CallOf(const PickleValue& function, const PickleValue& arguments, PickleValues* values) {
  if (!function.Is(Kind::kGlobal) && !function.Is(Kind::kOpaque)) {
    return Bad("something that is no function is called");
  }
  if (!arguments.Is(Kind::kTuple)) return Bad("a call has no arguments");
  for (const Function& known : kFunctions) {
    if (function.Is(Kind::kGlobal) && function.text == known.name) {
      return known.value(arguments, values);
    }
  }
  // copyreg._reconstructor(class, ...): an object of the class.
  if (function.text == "copyreg._reconstructor" && !arguments.items.empty() &&
      arguments.items[0]->Is(Kind::kGlobal)) {
    return MakeOpaque(arguments.items[0]->text, values);
  }
  return MakeOpaque(function.text, values);
}

Made ReferenceOf(const PickleValue& id, PickleValues* values) {
  const Items& items = id.items;
  if (!id.Is(Kind::kTuple) || items.size() < 2 || !items[0]->Is(Kind::kString) ||
      !items[1]->Is(Kind::kGlobal)) {
    return MakeOpaque("a reference to something outside", values);
  }
  if (items[0]->text == "module") {
    PickleValue* type = values->Make(Kind::kGlobal);
    type->text = items[1]->text;
    values->CountCopies(type->text.size());
    return type;
  }
  if (items[0]->text != "storage" || items.size() < 5 || !items[2]->Is(Kind::kString) ||
      !items[4]->Is(Kind::kInt)) {
    return MakeOpaque("a reference to something outside", values);
  }
  const StorageName* known = nullptr;
  for (const StorageName& candidate : kStorages) {
    if (items[1]->text == candidate.name) known = &candidate;
  }
  if (known == nullptr) return MakeOpaque(items[1]->text, values);
  PickleValue* storage = values->Make(Kind::kStorage);
  storage->type = known->type;
  storage->element_size = known->size;
  storage->text = items[2]->text;
  values->CountCopies(storage->text.size());
  storage->elements = items[4]->integer;
  if (storage->elements < 0) return Bad("a storage has a negative size");
  if (items.size() > 5 && !items[5]->Is(Kind::kNone)) {
    // A part of the storage, in the format before PyTorch 1.6: (key, first, elements).
    const Items& part = items[5]->items;
    if (part.size() != 3 || !part[1]->Is(Kind::kInt) || !part[2]->Is(Kind::kInt) ||
        part[1]->integer < 0 || part[2]->integer < 0 ||
        part[1]->integer > storage->elements - part[2]->integer) {
      return Bad("a part of a storage lies outside it");
    }
    storage->first = part[1]->integer;
    storage->elements = part[2]->integer;
  }
  return storage;
}

}  // namespace cassle
