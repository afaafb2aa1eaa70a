// The few opcodes of Python's pickle that our writers need (torch_file_writer.h,
// detectron2_file.h); https://docs.python.org/3/library/pickletools.html. Each appends to `out`.
#ifndef CASSLE_MODELS_EXCHANGE_PICKLE_OPCODES_H_
#define CASSLE_MODELS_EXCHANGE_PICKLE_OPCODES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace cassle {

// The little-endian bytes of a number.
template <typename T>
void AppendNumber(T number, std::string* out) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    out->push_back(static_cast<char>(static_cast<uint64_t>(number) >> (8 * i) & 0xff));
  }
}

// A str of up to 4 GiB; valid UTF-8.
void AppendText(absl::string_view text, std::string* out);
// An int, 0 or more.
void AppendInteger(int64_t number, std::string* out);
// A tuple of ints, each 0 or more.
void AppendTuple(const std::vector<int64_t>& numbers, std::string* out);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_PICKLE_OPCODES_H_
