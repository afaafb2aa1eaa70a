#include "cassle/models/exchange/pickle_reader.h"

#include <cstring>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

using Kind = PickleValue::Kind;

constexpr size_t kMaxRank = 16;
// A state dict has thousands. Values that are copied from others count too.
constexpr size_t kMaxValues = size_t{1} << 22;

struct StorageName {
  const char* name;
  ElementType type;
};
constexpr StorageName kStorages[] = {
    {"torch.FloatStorage", ElementType::kF32},     {"torch.HalfStorage", ElementType::kF16},
    {"torch.BFloat16Storage", ElementType::kBF16}, {"torch.DoubleStorage", ElementType::kF64},
    {"torch.LongStorage", ElementType::kI64},      {"torch.IntStorage", ElementType::kI32},
    {"torch.ShortStorage", ElementType::kI16},     {"torch.CharStorage", ElementType::kI8},
    {"torch.ByteStorage", ElementType::kU8},       {"torch.BoolStorage", ElementType::kBool},
};

constexpr const char* kFunctions[] = {
    "collections.OrderedDict", "torch.Size", "torch._utils._rebuild_tensor",
    "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter"};

bool IsKnownGlobal(const std::string& name) {
  for (const char* function : kFunctions) {
    if (name == function) return true;
  }
  for (const StorageName& storage : kStorages) {
    if (name == storage.name) return true;
  }
  return false;
}

// Names in messages may be anything.
std::string Shown(absl::string_view text) {
  constexpr size_t kShown = 80;
  return absl::StrCat(absl::CHexEscape(text.substr(0, kShown)), text.size() > kShown ? "..." : "");
}

bool IntegersOf(const PickleValue& tuple, std::vector<int64_t>* integers) {
  if (!tuple.Is(Kind::kTuple) && !tuple.Is(Kind::kList)) return false;
  if (tuple.items.size() > kMaxRank) return false;
  for (const PickleValue* item : tuple.items) {
    if (!item->Is(Kind::kInt) || item->integer < 0) return false;
    integers->push_back(item->integer);
  }
  return true;
}

}  // namespace

int64_t ElementSize(ElementType type) {
  switch (type) {
    case ElementType::kF64:
    case ElementType::kI64:
      return 8;
    case ElementType::kF32:
    case ElementType::kI32:
      return 4;
    case ElementType::kF16:
    case ElementType::kBF16:
    case ElementType::kI16:
      return 2;
    case ElementType::kI8:
    case ElementType::kU8:
    case ElementType::kBool:
      return 1;
  }
  return 1;
}

const PickleValue* PickleValue::Find(absl::string_view key) const {
  if (!Is(Kind::kDict)) return nullptr;
  for (size_t i = 0; i + 1 < items.size(); i += 2) {
    if (items[i]->Is(Kind::kString) && items[i]->text == key) return items[i + 1];
  }
  return nullptr;
}

// The pickle machine: a stack of values and a memo.
class Unpickler {
 public:
  explicit Unpickler(absl::string_view bytes) : bytes_(bytes) {}

  absl::StatusOr<Pickle> Run() {
    while (true) {
      unsigned char code = 0;
      CASSLE_RETURN_IF_ERROR(ReadNumber(&code));
      if (code == '.') break;
      CASSLE_RETURN_IF_ERROR(Step(code));
      if (pickle_.values_.size() + copied_ > kMaxValues) return Bad("it holds too many values");
    }
    if (stack_.empty() || stack_.back() == nullptr) return Bad("nothing is left at its end");
    pickle_.root_ = stack_.back();
    pickle_.size_ = position_;
    return std::move(pickle_);
  }

 private:
  absl::Status Bad(absl::string_view reason) const {
    return absl::DataLossError(
        absl::StrCat("the pickle is damaged at byte ", position_, ": ", reason));
  }
  absl::Status Refuse(absl::string_view what) const {
    return absl::DataLossError(absl::StrCat(
        "the pickle holds ", what,
        ", which is not part of a state dict; nothing in a file is executed here. Save only the "
        "state dict: torch.save(model.state_dict(), file)"));
  }

  template <typename T>
  absl::Status ReadNumber(T* number) {
    if (bytes_.size() - position_ < sizeof(T)) return Bad("it ends too early");
    std::memcpy(number, bytes_.data() + position_, sizeof(T));
    position_ += sizeof(T);
    return absl::OkStatus();
  }
  absl::Status ReadBytes(uint64_t count, absl::string_view* text) {
    if (count > bytes_.size() - position_) return Bad("a text is longer than the file");
    *text = bytes_.substr(position_, count);
    position_ += count;
    return absl::OkStatus();
  }
  absl::Status ReadLine(absl::string_view* line) {
    const size_t end = bytes_.find('\n', position_);
    if (end == absl::string_view::npos) return Bad("a name has no end");
    *line = bytes_.substr(position_, end - position_);
    position_ = end + 1;
    return absl::OkStatus();
  }

  PickleValue* Make(Kind kind) {
    pickle_.values_.push_back(std::make_unique<PickleValue>());
    pickle_.values_.back()->kind = kind;
    return pickle_.values_.back().get();
  }
  PickleValue* Push(Kind kind) {
    stack_.push_back(Make(kind));
    return stack_.back();
  }
  // The value on top; null is a mark, which is no value.
  absl::StatusOr<PickleValue*> Pop() {
    if (stack_.empty() || stack_.back() == nullptr) return Bad("a value is missing");
    PickleValue* value = stack_.back();
    stack_.pop_back();
    return value;
  }
  absl::StatusOr<PickleValue*> Top() {
    if (stack_.empty() || stack_.back() == nullptr) return Bad("a value is missing");
    return stack_.back();
  }
  absl::StatusOr<std::vector<const PickleValue*>> PopToMark() {
    size_t mark = stack_.size();
    while (mark > 0 && stack_[mark - 1] != nullptr) --mark;
    if (mark == 0) return Bad("a mark is missing");
    std::vector<const PickleValue*> items(stack_.begin() + mark, stack_.end());
    stack_.resize(mark - 1);
    return items;
  }

  absl::Status Step(unsigned char code);
  absl::Status StepNumber(unsigned char code);
  absl::Status StepText(unsigned char code);
  absl::Status StepContainer(unsigned char code);
  absl::Status StepMemo(unsigned char code);
  template <typename Length>
  absl::Status PushText();
  absl::Status PushTuple(size_t count);
  absl::Status PushLong(uint64_t size);
  absl::Status PushGlobal(const std::string& module, const std::string& name);
  absl::Status Append(std::vector<const PickleValue*> items);
  absl::Status SetItems(const std::vector<const PickleValue*>& items);
  absl::Status Remember(uint64_t key);
  absl::Status Recall(uint64_t key);
  absl::Status Reduce();
  absl::Status Build();
  absl::Status Persistent();
  absl::Status RebuildTensor(const PickleValue& arguments);

  absl::string_view bytes_;
  size_t position_ = 0;
  Pickle pickle_;
  // Null is a mark.
  std::vector<PickleValue*> stack_;
  std::unordered_map<uint64_t, PickleValue*> memo_;
  size_t copied_ = 0;
};

absl::StatusOr<Pickle> Pickle::Read(absl::string_view bytes) { return Unpickler(bytes).Run(); }

absl::Status Unpickler::Step(unsigned char code) {
  switch (code) {
    case 0x80: {  // PROTO
      unsigned char protocol = 0;
      CASSLE_RETURN_IF_ERROR(ReadNumber(&protocol));
      if (protocol < 2 || protocol > 5) return Bad(absl::StrCat("protocol ", protocol));
      return absl::OkStatus();
    }
    case 0x95: {  // FRAME
      uint64_t length = 0;
      return ReadNumber(&length);
    }
    case 'N':
      Push(Kind::kNone);
      return absl::OkStatus();
    case 0x88:
    case 0x89:
      Push(Kind::kBool)->integer = code == 0x88;
      return absl::OkStatus();
    case '(':
      stack_.push_back(nullptr);
      return absl::OkStatus();
    case '0':
      return Pop().status();
    case 'J':
    case 'K':
    case 'M':
    case 'G':
    case 0x8a:
    case 0x8b:
      return StepNumber(code);
    case 'X':
    case 0x8c:
    case 0x8d:
    case 'U':
    case 'T':
    case 'B':
    case 'C':
      return StepText(code);
    case 'q':
    case 'r':
    case 0x94:
    case 'h':
    case 'j':
      return StepMemo(code);
    case 'c': {  // GLOBAL
      absl::string_view module, name;
      CASSLE_RETURN_IF_ERROR(ReadLine(&module));
      CASSLE_RETURN_IF_ERROR(ReadLine(&name));
      return PushGlobal(std::string(module), std::string(name));
    }
    case 0x93: {  // STACK_GLOBAL
      CASSLE_ASSIGN_OR_RETURN(const PickleValue* name, Pop());
      CASSLE_ASSIGN_OR_RETURN(const PickleValue* module, Pop());
      return PushGlobal(module->text, name->text);
    }
    case 'R':
      return Reduce();
    case 'b':
      return Build();
    case 'Q':
      return Persistent();
    default:
      return StepContainer(code);
  }
}

absl::Status Unpickler::StepNumber(unsigned char code) {
  if (code == 'J') {
    int32_t number = 0;
    CASSLE_RETURN_IF_ERROR(ReadNumber(&number));
    Push(Kind::kInt)->integer = number;
  } else if (code == 'K') {
    uint8_t number = 0;
    CASSLE_RETURN_IF_ERROR(ReadNumber(&number));
    Push(Kind::kInt)->integer = number;
  } else if (code == 'M') {
    uint16_t number = 0;
    CASSLE_RETURN_IF_ERROR(ReadNumber(&number));
    Push(Kind::kInt)->integer = number;
  } else if (code == 'G') {
    uint64_t bits = 0;
    CASSLE_RETURN_IF_ERROR(ReadNumber(&bits));
    bits = __builtin_bswap64(bits);
    std::memcpy(&Push(Kind::kFloat)->real, &bits, sizeof(bits));
  } else if (code == 0x8a) {
    uint8_t size = 0;
    CASSLE_RETURN_IF_ERROR(ReadNumber(&size));
    return PushLong(size);
  } else {
    uint32_t size = 0;
    CASSLE_RETURN_IF_ERROR(ReadNumber(&size));
    return PushLong(size);
  }
  return absl::OkStatus();
}

absl::Status Unpickler::PushLong(uint64_t size) {
  absl::string_view digits;
  CASSLE_RETURN_IF_ERROR(ReadBytes(size, &digits));
  if (size > 8) return Refuse(absl::StrCat("an integer of ", size, " bytes"));
  uint64_t bits = size > 0 && (digits.back() & 0x80) != 0 ? ~uint64_t{0} : 0;
  std::memcpy(&bits, digits.data(), size);
  Push(Kind::kInt)->integer = static_cast<int64_t>(bits);
  return absl::OkStatus();
}

template <typename Length>
absl::Status Unpickler::PushText() {
  Length length = 0;
  absl::string_view text;
  CASSLE_RETURN_IF_ERROR(ReadNumber(&length));
  CASSLE_RETURN_IF_ERROR(ReadBytes(length, &text));
  Push(Kind::kString)->text = std::string(text);
  return absl::OkStatus();
}

absl::Status Unpickler::StepText(unsigned char code) {
  switch (code) {
    case 'X':
    case 'T':
    case 'B':
      return PushText<uint32_t>();
    case 0x8d:
      return PushText<uint64_t>();
    default:
      return PushText<uint8_t>();
  }
}

absl::Status Unpickler::StepContainer(unsigned char code) {
  switch (code) {
    case '}':
      Push(Kind::kDict);
      return absl::OkStatus();
    case ']':
      Push(Kind::kList);
      return absl::OkStatus();
    case ')':
      return PushTuple(0);
    case 0x85:
    case 0x86:
    case 0x87:
      return PushTuple(code - 0x84);
    case 't': {
      CASSLE_ASSIGN_OR_RETURN(std::vector<const PickleValue*> items, PopToMark());
      Push(Kind::kTuple)->items = std::move(items);
      return absl::OkStatus();
    }
    case 'a': {
      CASSLE_ASSIGN_OR_RETURN(const PickleValue* item, Pop());
      return Append({item});
    }
    case 'e': {
      CASSLE_ASSIGN_OR_RETURN(std::vector<const PickleValue*> items, PopToMark());
      return Append(std::move(items));
    }
    case 's': {
      CASSLE_ASSIGN_OR_RETURN(const PickleValue* value, Pop());
      CASSLE_ASSIGN_OR_RETURN(const PickleValue* key, Pop());
      return SetItems({key, value});
    }
    case 'u': {
      CASSLE_ASSIGN_OR_RETURN(const std::vector<const PickleValue*> items, PopToMark());
      return SetItems(items);
    }
    default:
      --position_;
      return Bad(absl::StrCat("instruction 0x", absl::Hex(code, absl::kZeroPad2),
                              " is not one of a state dict's"));
  }
}

absl::Status Unpickler::PushTuple(size_t count) {
  std::vector<const PickleValue*> items(count);
  for (size_t i = count; i > 0; --i) {
    CASSLE_ASSIGN_OR_RETURN(items[i - 1], Pop());
  }
  Push(Kind::kTuple)->items = std::move(items);
  return absl::OkStatus();
}

absl::Status Unpickler::Append(std::vector<const PickleValue*> items) {
  CASSLE_ASSIGN_OR_RETURN(PickleValue * list, Top());
  if (!list->Is(Kind::kList)) return Bad("something that is no list is appended to");
  list->items.insert(list->items.end(), items.begin(), items.end());
  return absl::OkStatus();
}

absl::Status Unpickler::SetItems(const std::vector<const PickleValue*>& items) {
  CASSLE_ASSIGN_OR_RETURN(PickleValue * dict, Top());
  if (!dict->Is(Kind::kDict)) return Bad("something that is no dict gets entries");
  if (items.size() % 2 != 0) return Bad("a dict's key has no value");
  dict->items.insert(dict->items.end(), items.begin(), items.end());
  return absl::OkStatus();
}

absl::Status Unpickler::StepMemo(unsigned char code) {
  uint8_t byte = 0;
  uint32_t word = 0;
  switch (code) {
    case 'q':
      CASSLE_RETURN_IF_ERROR(ReadNumber(&byte));
      return Remember(byte);
    case 'r':
      CASSLE_RETURN_IF_ERROR(ReadNumber(&word));
      return Remember(word);
    case 0x94:
      return Remember(memo_.size());
    case 'h':
      CASSLE_RETURN_IF_ERROR(ReadNumber(&byte));
      return Recall(byte);
    default:
      CASSLE_RETURN_IF_ERROR(ReadNumber(&word));
      return Recall(word);
  }
}

absl::Status Unpickler::Remember(uint64_t key) {
  CASSLE_ASSIGN_OR_RETURN(memo_[key], Top());
  return absl::OkStatus();
}

absl::Status Unpickler::Recall(uint64_t key) {
  const auto found = memo_.find(key);
  if (found == memo_.end() || found->second == nullptr) return Bad("a value was never stored");
  stack_.push_back(found->second);
  return absl::OkStatus();
}

absl::Status Unpickler::PushGlobal(const std::string& module, const std::string& name) {
  const std::string full = absl::StrCat(module, ".", name);
  if (!IsKnownGlobal(full)) return Refuse(Shown(full));
  Push(Kind::kGlobal)->text = full;
  return absl::OkStatus();
}

absl::Status Unpickler::Reduce() {
  CASSLE_ASSIGN_OR_RETURN(PickleValue * arguments, Pop());
  CASSLE_ASSIGN_OR_RETURN(const PickleValue* function, Pop());
  if (!function->Is(Kind::kGlobal)) return Bad("something that is no function is called");
  if (!arguments->Is(Kind::kTuple)) return Bad("a call has no arguments");
  const std::vector<const PickleValue*>& items = arguments->items;
  if (function->text == "collections.OrderedDict") {
    PickleValue* dict = Push(Kind::kDict);
    if (items.empty()) return absl::OkStatus();
    if (items.size() != 1 || !items[0]->Is(Kind::kList)) return Bad("an OrderedDict of no list");
    for (const PickleValue* pair : items[0]->items) {
      if ((!pair->Is(Kind::kTuple) && !pair->Is(Kind::kList)) || pair->items.size() != 2) {
        return Bad("an OrderedDict of no pairs");
      }
      dict->items.insert(dict->items.end(), pair->items.begin(), pair->items.end());
    }
    copied_ += dict->items.size();
    return absl::OkStatus();
  }
  if (function->text == "torch.Size") {
    if (items.size() != 1 || !items[0]->Is(Kind::kTuple)) return Bad("a size of no tuple");
    Push(Kind::kTuple)->items = items[0]->items;
    copied_ += items[0]->items.size();
    return absl::OkStatus();
  }
  if (function->text == "torch._utils._rebuild_parameter") {
    if (items.empty() || !items[0]->Is(Kind::kTensor)) return Bad("a parameter of no tensor");
    // Of its own, so that what the stack holds can be changed while values stay as they are.
    *Push(Kind::kTensor) = *items[0];
    return absl::OkStatus();
  }
  if (function->text == "torch._utils._rebuild_tensor" ||
      function->text == "torch._utils._rebuild_tensor_v2") {
    return RebuildTensor(*arguments);
  }
  return Bad(absl::StrCat(function->text, " is called"));
}

absl::Status Unpickler::RebuildTensor(const PickleValue& arguments) {
  const std::vector<const PickleValue*>& items = arguments.items;
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
  // Not more elements than the storage has: no tensor is blown up from a small file.
  if (!fits || count > storage.elements || (count > 0 && last >= storage.elements)) {
    return Bad("a tensor reaches beyond its storage");
  }
  PickleValue* tensor = Push(Kind::kTensor);
  tensor->items = {&storage};
  tensor->type = storage.type;
  tensor->elements = count;
  tensor->offset = items[1]->integer;
  tensor->shape = std::move(shape);
  tensor->strides = std::move(strides);
  return absl::OkStatus();
}

// State that is set after the call: of a state dict only its versions (_metadata), which do not
// matter here.
absl::Status Unpickler::Build() {
  CASSLE_RETURN_IF_ERROR(Pop().status());
  CASSLE_ASSIGN_OR_RETURN(const PickleValue* object, Top());
  if (!object->Is(Kind::kDict)) return Refuse("an object with state");
  return absl::OkStatus();
}

// ("storage", torch.FloatStorage, key, device, elements[, view])
absl::Status Unpickler::Persistent() {
  CASSLE_ASSIGN_OR_RETURN(const PickleValue* id, Pop());
  const std::vector<const PickleValue*>& items = id->items;
  if (!id->Is(Kind::kTuple) || items.size() < 5 || items[0]->text != "storage" ||
      !items[1]->Is(Kind::kGlobal) || !items[2]->Is(Kind::kString) || !items[4]->Is(Kind::kInt)) {
    return Refuse("a reference to something that is no storage");
  }
  PickleValue* storage = Make(Kind::kStorage);
  bool known = false;
  for (const StorageName& candidate : kStorages) {
    if (items[1]->text != candidate.name) continue;
    storage->type = candidate.type;
    known = true;
  }
  if (!known) return Refuse(absl::StrCat("a storage of ", items[1]->text));
  storage->text = items[2]->text;
  storage->elements = items[4]->integer;
  if (storage->elements < 0) return Bad("a storage has a negative size");
  pickle_.storages_.push_back(storage);
  if (items.size() > 5 && !items[5]->Is(Kind::kNone)) {
    // A part of the storage, in the format before PyTorch 1.6: (key, first, elements).
    const std::vector<const PickleValue*>& part = items[5]->items;
    if (part.size() != 3 || !part[1]->Is(Kind::kInt) || !part[2]->Is(Kind::kInt) ||
        part[1]->integer < 0 || part[2]->integer < 0 ||
        part[1]->integer > storage->elements - part[2]->integer) {
      return Bad("a part of a storage lies outside it");
    }
    PickleValue* view = Make(Kind::kStorage);
    view->type = storage->type;
    view->text = storage->text;
    view->first = part[1]->integer;
    view->elements = part[2]->integer;
    storage = view;
  }
  stack_.push_back(storage);
  return absl::OkStatus();
}

}  // namespace cassle
