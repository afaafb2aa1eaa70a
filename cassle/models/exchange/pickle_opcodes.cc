#include "cassle/models/exchange/pickle_opcodes.h"

#include "absl/strings/str_cat.h"

namespace cassle {

void AppendText(absl::string_view text, std::string* out) {
  out->push_back('X');
  AppendNumber<uint32_t>(static_cast<uint32_t>(text.size()), out);
  absl::StrAppend(out, text);
}

void AppendInteger(int64_t number, std::string* out) {
  if (number < 256) {
    out->push_back('K');
    AppendNumber<uint8_t>(static_cast<uint8_t>(number), out);
  } else if (number <= INT32_MAX) {
    out->push_back('J');
    AppendNumber<uint32_t>(static_cast<uint32_t>(number), out);
  } else {
    absl::StrAppend(out, "\x8a\x08");
    AppendNumber<uint64_t>(static_cast<uint64_t>(number), out);
  }
}

void AppendTuple(const std::vector<int64_t>& numbers, std::string* out) {
  out->push_back('(');
  for (int64_t number : numbers) AppendInteger(number, out);
  out->push_back('t');
}

}  // namespace cassle
