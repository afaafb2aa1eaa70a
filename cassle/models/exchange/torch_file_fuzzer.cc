// Weight files of PyTorch. An input that is a whole file is read as one; every other input is what
// follows the first three pickles of the format before 1.6: the state dict, the list of storages,
// and their bytes. That format has no checksums, so mutants come far.
#include <cstdint>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cassle/base/testing/fuzz_check.h"
#include "cassle/models/exchange/torch_file.h"

namespace cassle {
namespace {

// Magic number, protocol 1001, {"little_endian": True}
constexpr char kBeginning[] =
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
    "\x80\x02M\xe9\x03."
    "\x80\x02}X\x0d\0\0\0little_endian\x88s.";

void Check(absl::string_view file) {
  const absl::StatusOr<WeightFile> read = ParseTorchFile(file);
  if (!read.ok()) {
    CASSLE_FUZZ_CHECK(BlamesInput(read.status()));
    CASSLE_FUZZ_CHECK(!absl::StrContains(read.status().message(), "\n"));
    return;
  }
  for (const UnreadValue& value : read->unread) {
    CASSLE_FUZZ_CHECK(!absl::StrContains(absl::StrCat(value.name, value.what), "\n"));
  }
  for (const WeightArray& array : read->arrays) {
    int64_t bytes = DTypeSize(array.dtype);
    for (int64_t extent : array.shape) bytes *= extent;
    CASSLE_FUZZ_CHECK(bytes == static_cast<int64_t>(array.bytes.size()));
  }
}

}  // namespace
}  // namespace cassle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  if (absl::StartsWith(input, "PK") ||
      absl::StartsWith(input, absl::string_view("\x80\x02\x8a", 3))) {
    cassle::Check(input);
  } else {
    cassle::Check(
        absl::StrCat(absl::string_view(cassle::kBeginning, sizeof(cassle::kBeginning) - 1), input));
  }
  return 0;
}
