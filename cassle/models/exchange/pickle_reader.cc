#include "cassle/models/exchange/pickle_reader.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/exchange/pickle_objects.h"

namespace cassle {
namespace {

using Kind = PickleValue::Kind;
using Items = std::vector<const PickleValue*>;

// Of values and of what is copied from one into another; a state dict has thousands of values.
constexpr size_t kMaxBytes = size_t{1} << 30;

// Of a decimal number without sign.
int64_t LowestBits(absl::string_view digits) {
  uint64_t bits = 0;
  for (const char digit : digits) bits = bits * 10 + static_cast<uint64_t>(digit - '0');
  return static_cast<int64_t>(bits);
}

}  // namespace

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
      if (pickle_.values_.bytes() > kMaxBytes) return Bad("it holds too many values");
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
    if (end == absl::string_view::npos) return Bad("a line has no end");
    *line = bytes_.substr(position_, end - position_);
    position_ = end + 1;
    return absl::OkStatus();
  }
  template <typename T>
  absl::Status Skip() {
    T number;
    return ReadNumber(&number);
  }

  PickleValue* Push(Kind kind) {
    stack_.push_back(pickle_.values_.Make(kind));
    return stack_.back();
  }
  void PushText(Kind kind, absl::string_view text) { Push(kind)->text = std::string(text); }
  // The value on top; null is a mark, which is no value.
  absl::StatusOr<PickleValue*> Pop() {
    CASSLE_ASSIGN_OR_RETURN(PickleValue * value, Top());
    stack_.pop_back();
    return value;
  }
  absl::StatusOr<PickleValue*> Top() {
    if (stack_.empty() || stack_.back() == nullptr) return Bad("a value is missing");
    return stack_.back();
  }
  absl::StatusOr<Items> PopToMark() {
    size_t mark = stack_.size();
    while (mark > 0 && stack_[mark - 1] != nullptr) --mark;
    if (mark == 0) return Bad("a mark is missing");
    Items items(stack_.begin() + mark, stack_.end());
    stack_.resize(mark - 1);
    return items;
  }

  absl::Status Step(unsigned char code);
  absl::Status StepNumber(unsigned char code);
  absl::Status StepText(unsigned char code);
  absl::Status StepContainer(unsigned char code);
  absl::Status StepMemo(unsigned char code);
  absl::Status StepObject(unsigned char code);
  template <typename T>
  absl::Status PushInteger();
  template <typename Length>
  absl::Status PushLong();
  absl::Status PushLine(unsigned char code);
  template <typename Length>
  absl::Status PushCounted();
  absl::Status PushItems(Kind kind);
  absl::Status PushTuple(size_t count);
  absl::Status Append(const Items& items);
  absl::Status SetItems(const Items& items);
  absl::Status Remember(uint64_t key);
  absl::Status Recall(uint64_t key);
  template <typename Key>
  absl::Status ReadAndRecall(bool remember);
  absl::Status Call(const PickleValue& function, const PickleValue& arguments);
  absl::Status Refer(const PickleValue& id);
  absl::Status Build();

  absl::string_view bytes_;
  size_t position_ = 0;
  Pickle pickle_;
  // Null is a mark.
  std::vector<PickleValue*> stack_;
  std::unordered_map<uint64_t, PickleValue*> memo_;
};

absl::StatusOr<Pickle> Pickle::Read(absl::string_view bytes) { return Unpickler(bytes).Run(); }

absl::Status Unpickler::Step(unsigned char code) {
  switch (code) {
    case 0x80: {  // PROTO
      unsigned char protocol = 0;
      CASSLE_RETURN_IF_ERROR(ReadNumber(&protocol));
      if (protocol > 5) return Bad(absl::StrCat("protocol ", protocol));
      return absl::OkStatus();
    }
    case 0x95:  // FRAME
      return Skip<uint64_t>();
    case '(':  // MARK
      stack_.push_back(nullptr);
      return absl::OkStatus();
    case '0':  // POP
      if (!stack_.empty() && stack_.back() == nullptr) return PopToMark().status();
      return Pop().status();
    case '1':  // POP_MARK
      return PopToMark().status();
    case '2': {  // DUP
      CASSLE_ASSIGN_OR_RETURN(PickleValue * top, Top());
      stack_.push_back(top);
      return absl::OkStatus();
    }
    case 'N':
      Push(Kind::kNone);
      return absl::OkStatus();
    case 0x88:  // NEWTRUE, NEWFALSE
    case 0x89:
      Push(Kind::kBool)->integer = code == 0x88;
      return absl::OkStatus();
    default:
      return StepNumber(code);
  }
}

absl::Status Unpickler::StepNumber(unsigned char code) {
  switch (code) {
    case 'J':  // BININT, BININT1, BININT2
      return PushInteger<int32_t>();
    case 'K':
      return PushInteger<uint8_t>();
    case 'M':
      return PushInteger<uint16_t>();
    case 0x8a:  // LONG1, LONG4
      return PushLong<uint8_t>();
    case 0x8b:
      return PushLong<uint32_t>();
    case 'G': {  // BINFLOAT
      uint64_t bits = 0;
      CASSLE_RETURN_IF_ERROR(ReadNumber(&bits));
      bits = __builtin_bswap64(bits);
      std::memcpy(&Push(Kind::kFloat)->real, &bits, sizeof(bits));
      return absl::OkStatus();
    }
    case 'I':  // INT, LONG, FLOAT, STRING, UNICODE of protocol 0
    case 'L':
    case 'F':
    case 'S':
    case 'V':
      return PushLine(code);
    default:
      return StepText(code);
  }
}

template <typename T>
absl::Status Unpickler::PushInteger() {
  T number = 0;
  CASSLE_RETURN_IF_ERROR(ReadNumber(&number));
  Push(Kind::kInt)->integer = number;
  return absl::OkStatus();
}

template <typename Length>
absl::Status Unpickler::PushLong() {
  Length size = 0;
  absl::string_view digits;
  CASSLE_RETURN_IF_ERROR(ReadNumber(&size));
  CASSLE_RETURN_IF_ERROR(ReadBytes(size, &digits));
  uint64_t bits = size > 0 && (digits.back() & 0x80) != 0 ? ~uint64_t{0} : 0;
  std::memcpy(&bits, digits.data(), std::min<size_t>(size, sizeof(bits)));
  PickleValue* number = Push(size > sizeof(bits) ? Kind::kOpaque : Kind::kInt);
  // Seeds and states of random generators.
  if (size > sizeof(bits)) number->text = absl::StrCat("an integer of ", size, " bytes");
  number->integer = static_cast<int64_t>(bits);
  return absl::OkStatus();
}

absl::Status Unpickler::PushLine(unsigned char code) {
  absl::string_view line;
  CASSLE_RETURN_IF_ERROR(ReadLine(&line));
  int64_t integer = 0;
  double real = 0;
  if (code == 'I' && (line == "00" || line == "01")) {
    Push(Kind::kBool)->integer = line == "01";
  } else if (code == 'I' || code == 'L') {
    absl::ConsumeSuffix(&line, "L");
    if (absl::SimpleAtoi(line, &integer)) {
      Push(Kind::kInt)->integer = integer;
    } else {
      PushText(Kind::kOpaque, "an integer");
      stack_.back()->integer = LowestBits(line);
    }
  } else if (code == 'F') {
    if (!absl::SimpleAtod(line, &real)) return Bad("a number has other characters");
    Push(Kind::kFloat)->real = real;
  } else {
    // STRING is quoted; escapes stay as they are.
    if (code == 'S' && line.size() >= 2) line = line.substr(1, line.size() - 2);
    PushText(Kind::kString, line);
  }
  return absl::OkStatus();
}

template <typename Length>
absl::Status Unpickler::PushCounted() {
  Length length = 0;
  absl::string_view text;
  CASSLE_RETURN_IF_ERROR(ReadNumber(&length));
  CASSLE_RETURN_IF_ERROR(ReadBytes(length, &text));
  PushText(Kind::kString, text);
  return absl::OkStatus();
}

absl::Status Unpickler::StepText(unsigned char code) {
  switch (code) {
    case 'U':  // SHORT_BINSTRING, SHORT_BINBYTES, SHORT_BINUNICODE
    case 'C':
    case 0x8c:
      return PushCounted<uint8_t>();
    case 'T':  // BINSTRING, BINBYTES, BINUNICODE
    case 'B':
    case 'X':
      return PushCounted<uint32_t>();
    case 0x8d:  // BINUNICODE8, BINBYTES8, BYTEARRAY8
    case 0x8e:
    case 0x96:
      return PushCounted<uint64_t>();
    case 0x97:  // NEXT_BUFFER
      PushText(Kind::kOpaque, "a buffer outside the pickle");
      return absl::OkStatus();
    case 0x98:  // READONLY_BUFFER
      return absl::OkStatus();
    default:
      return StepContainer(code);
  }
}

absl::Status Unpickler::StepContainer(unsigned char code) {
  switch (code) {
    case '}':  // EMPTY_DICT, EMPTY_LIST, EMPTY_TUPLE, EMPTY_SET
      Push(Kind::kDict);
      return absl::OkStatus();
    case ']':
      Push(Kind::kList);
      return absl::OkStatus();
    case ')':
      return PushTuple(0);
    case 0x8f:
      PushText(Kind::kOpaque, "set");
      return absl::OkStatus();
    case 0x85:  // TUPLE1, TUPLE2, TUPLE3
    case 0x86:
    case 0x87:
      return PushTuple(code - 0x84);
    case 't':  // TUPLE, LIST, DICT
      return PushItems(Kind::kTuple);
    case 'l':
      return PushItems(Kind::kList);
    case 'd':
      return PushItems(Kind::kDict);
    case 0x91:  // FROZENSET
      CASSLE_RETURN_IF_ERROR(PopToMark().status());
      PushText(Kind::kOpaque, "frozenset");
      return absl::OkStatus();
    case 'a': {  // APPEND
      CASSLE_ASSIGN_OR_RETURN(const PickleValue* item, Pop());
      return Append({item});
    }
    case 'e':  // APPENDS, ADDITEMS
    case 0x90: {
      CASSLE_ASSIGN_OR_RETURN(const Items items, PopToMark());
      return Append(items);
    }
    case 's': {  // SETITEM
      CASSLE_ASSIGN_OR_RETURN(const PickleValue* value, Pop());
      CASSLE_ASSIGN_OR_RETURN(const PickleValue* key, Pop());
      return SetItems({key, value});
    }
    case 'u': {  // SETITEMS
      CASSLE_ASSIGN_OR_RETURN(const Items items, PopToMark());
      return SetItems(items);
    }
    default:
      return StepMemo(code);
  }
}

absl::Status Unpickler::PushItems(Kind kind) {
  CASSLE_ASSIGN_OR_RETURN(Items items, PopToMark());
  if (kind == Kind::kDict && items.size() % 2 != 0) return Bad("a dict's key has no value");
  Push(kind)->items = std::move(items);
  return absl::OkStatus();
}

absl::Status Unpickler::PushTuple(size_t count) {
  Items items(count);
  for (size_t i = count; i > 0; --i) {
    CASSLE_ASSIGN_OR_RETURN(items[i - 1], Pop());
  }
  Push(Kind::kTuple)->items = std::move(items);
  return absl::OkStatus();
}

absl::Status Unpickler::Append(const Items& items) {
  CASSLE_ASSIGN_OR_RETURN(PickleValue * list, Top());
  // An object that is a kind of list, or a set.
  if (list->Is(Kind::kOpaque)) return absl::OkStatus();
  if (!list->Is(Kind::kList)) return Bad("something that is no list is appended to");
  list->items.insert(list->items.end(), items.begin(), items.end());
  return absl::OkStatus();
}

absl::Status Unpickler::SetItems(const Items& items) {
  CASSLE_ASSIGN_OR_RETURN(PickleValue * dict, Top());
  if (!dict->Is(Kind::kDict) && !dict->Is(Kind::kOpaque)) {
    return Bad("something that is no dict gets entries");
  }
  if (items.size() % 2 != 0) return Bad("a dict's key has no value");
  dict->items.insert(dict->items.end(), items.begin(), items.end());
  return absl::OkStatus();
}

absl::Status Unpickler::StepMemo(unsigned char code) {
  absl::string_view line;
  uint64_t key = 0;
  switch (code) {
    case 'q':  // BINPUT, LONG_BINPUT, MEMOIZE
      return ReadAndRecall<uint8_t>(/*remember=*/true);
    case 'r':
      return ReadAndRecall<uint32_t>(/*remember=*/true);
    case 0x94:
      return Remember(memo_.size());
    case 'h':  // BINGET, LONG_BINGET
      return ReadAndRecall<uint8_t>(/*remember=*/false);
    case 'j':
      return ReadAndRecall<uint32_t>(/*remember=*/false);
    case 'p':  // PUT, GET
    case 'g':
      CASSLE_RETURN_IF_ERROR(ReadLine(&line));
      if (!absl::SimpleAtoi(line, &key)) return Bad("a place in the memo is no number");
      return code == 'p' ? Remember(key) : Recall(key);
    default:
      return StepObject(code);
  }
}

template <typename Key>
absl::Status Unpickler::ReadAndRecall(bool remember) {
  Key key = 0;
  CASSLE_RETURN_IF_ERROR(ReadNumber(&key));
  return remember ? Remember(key) : Recall(key);
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

absl::Status Unpickler::StepObject(unsigned char code) {
  absl::string_view module, name;
  PickleValue arguments;
  arguments.kind = Kind::kTuple;
  switch (code) {
    case 'c':  // GLOBAL
    case 'i':  // INST: GLOBAL, then called with what stands behind the mark
      CASSLE_RETURN_IF_ERROR(ReadLine(&module));
      CASSLE_RETURN_IF_ERROR(ReadLine(&name));
      if (code == 'i') {
        CASSLE_ASSIGN_OR_RETURN(arguments.items, PopToMark());
      }
      PushText(Kind::kGlobal, absl::StrCat(module, ".", name));
      if (code == 'c') return absl::OkStatus();
      return Call(*Pop().value(), arguments);
    case 0x93: {  // STACK_GLOBAL
      CASSLE_ASSIGN_OR_RETURN(const PickleValue* last, Pop());
      CASSLE_ASSIGN_OR_RETURN(const PickleValue* first, Pop());
      if (!first->Is(Kind::kString) || !last->Is(Kind::kString)) return Bad("a class has no name");
      PushText(Kind::kGlobal, absl::StrCat(first->text, ".", last->text));
      pickle_.values_.CountCopies(first->text.size() + last->text.size());
      return absl::OkStatus();
    }
    case 0x82:  // EXT1, EXT2, EXT4: a global by its number in a registry of Python's
    case 0x83:
    case 0x84:
      CASSLE_RETURN_IF_ERROR(code == 0x82   ? Skip<uint8_t>()
                             : code == 0x83 ? Skip<uint16_t>()
                                            : Skip<uint32_t>());
      PushText(Kind::kGlobal, "copyreg.extension");
      return absl::OkStatus();
    case 0x92: {  // NEWOBJ_EX: class, arguments, arguments by name
      CASSLE_RETURN_IF_ERROR(Pop().status());
      [[fallthrough]];
    }
    case 'R':     // REDUCE
    case 0x81: {  // NEWOBJ
      CASSLE_ASSIGN_OR_RETURN(const PickleValue* given, Pop());
      CASSLE_ASSIGN_OR_RETURN(const PickleValue* function, Pop());
      return Call(*function, *given);
    }
    case 'o': {  // OBJ: mark, class, arguments
      CASSLE_ASSIGN_OR_RETURN(arguments.items, PopToMark());
      if (arguments.items.empty()) return Bad("an object has no class");
      const PickleValue* type = arguments.items[0];
      arguments.items.erase(arguments.items.begin());
      return Call(*type, arguments);
    }
    case 'b':
      return Build();
    case 'P': {  // PERSID
      CASSLE_RETURN_IF_ERROR(ReadLine(&name));
      return Refer(PickleValue());
    }
    case 'Q': {  // BINPERSID
      CASSLE_ASSIGN_OR_RETURN(const PickleValue* id, Pop());
      return Refer(*id);
    }
    default:
      --position_;
      return Bad(absl::StrCat("0x", absl::Hex(code, absl::kZeroPad2), " is no instruction"));
  }
}

absl::Status Unpickler::Call(const PickleValue& function, const PickleValue& arguments) {
  const absl::StatusOr<PickleValue*> value = CallOf(function, arguments, &pickle_.values_);
  if (!value.ok()) return Bad(value.status().message());
  stack_.push_back(*value);
  return absl::OkStatus();
}

absl::Status Unpickler::Refer(const PickleValue& id) {
  const absl::StatusOr<PickleValue*> value = ReferenceOf(id, &pickle_.values_);
  if (!value.ok()) return Bad(value.status().message());
  if ((*value)->Is(Kind::kStorage)) pickle_.storages_.push_back(*value);
  stack_.push_back(*value);
  return absl::OkStatus();
}

// State that is set after the call: of a state dict only its versions (_metadata), which do not
// matter here.
absl::Status Unpickler::Build() {
  CASSLE_ASSIGN_OR_RETURN(const PickleValue* state, Pop());
  CASSLE_ASSIGN_OR_RETURN(PickleValue * object, Top());
  if (object->Is(Kind::kOpaque)) object->state = state;
  return absl::OkStatus();
}

}  // namespace cassle
