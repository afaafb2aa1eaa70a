// What other programs put beside and around weights: safetensors of any origin, and the JSON of
// Hugging Face: the index of a file in parts, config.json and preprocessor_config.json. An input
// that begins as JSON is read as each of the three; any other gets the length of its header made
// right, or no mutant comes far.
#include <cstdint>
#include <cstring>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cassle/base/testing/fuzz_check.h"
#include "cassle/models/exchange/configs/foreign_config.h"
#include "cassle/models/exchange/configs/timm_names.h"
#include "cassle/models/exchange/weight_file.h"

namespace cassle {
namespace {

void CheckStatus(const absl::Status& status) {
  if (status.ok()) return;
  CASSLE_FUZZ_CHECK(BlamesInput(status));
  CASSLE_FUZZ_CHECK(!absl::StrContains(status.message(), "\n"));
}

void CheckJson(absl::string_view text) {
  const NamedNetwork named = ReadNetworkName(text);
  CASSLE_FUZZ_CHECK(!named.other || named.architecture.empty());
  CheckStatus(ParseWeightIndex(text).status());
  absl::StatusOr<ForeignConfig> config = ParseForeignConfig(text);
  CheckStatus(config.status());
  ForeignConfig plain;
  CheckStatus(AddPreprocessing(text, config.ok() ? &*config : &plain));
  if (!config.ok()) return;
  CASSLE_FUZZ_CHECK(config->heads.value >= 0 && config->norm_eps.value >= 0 &&
                    config->image_size >= 0);
  CASSLE_FUZZ_CHECK(config->normalization.mean.empty() || config->normalization.mean.size() == 3);
}

void CheckSafetensors(absl::string_view bytes) {
  const absl::StatusOr<WeightFile> file = ParseForeignSafetensors("fuzzed", bytes);
  CheckStatus(file.status());
  if (!file.ok()) return;
  for (const WeightArray& array : file->arrays) {
    int64_t size = DTypeSize(array.dtype);
    for (int64_t extent : array.shape) size *= extent;
    CASSLE_FUZZ_CHECK(size == static_cast<int64_t>(array.bytes.size()));
  }
}

}  // namespace
}  // namespace cassle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view input(reinterpret_cast<const char*>(data), size);
  if (absl::StartsWith(input, "{")) {
    cassle::CheckJson(input);
    return 0;
  }
  cassle::CheckSafetensors(input);
  // The header ends where the last brace does.
  const size_t end = input.rfind('}');
  if (size <= 8 || end == absl::string_view::npos || end < 8) return 0;
  const uint64_t header = end + 1 - 8;
  std::string mended(input);
  std::memcpy(&mended[0], &header, sizeof(header));
  cassle::CheckSafetensors(mended);
  return 0;
}
