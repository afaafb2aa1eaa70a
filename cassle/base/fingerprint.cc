#include "cassle/base/fingerprint.h"

#include <xxhash.h>

#include <cstdio>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

std::string ToHex(XXH128_hash_t hash) {
  return absl::StrFormat("%016x%016x", hash.high64, hash.low64);
}

}  // namespace

std::string FingerprintBytes(absl::string_view bytes) {
  return ToHex(XXH3_128bits(bytes.data(), bytes.size()));
}

absl::StatusOr<std::string> FingerprintFile(const std::string& path,
                                            const std::function<bool()>& interrupted) {
  // Not mapped: the pages of a large file would count as this process's memory.
  Fingerprinter fingerprint;
  bool begun = false;
  CASSLE_RETURN_IF_ERROR(ReadInBlocks(path, [&](absl::string_view block) {
    if (std::exchange(begun, true) && interrupted && interrupted()) {
      return absl::CancelledError(
          absl::StrCat("interrupted while ", path, " was read; start again to redo"));
    }
    fingerprint.Update(block);
    return absl::OkStatus();
  }));
  return fingerprint.Hex();
}

struct Fingerprinter::State {
  XXH3_state_t* xxh = XXH3_createState();
  ~State() { XXH3_freeState(xxh); }
};

Fingerprinter::Fingerprinter() : state_(std::make_unique<State>()) {
  XXH3_128bits_reset(state_->xxh);
}
Fingerprinter::~Fingerprinter() = default;

void Fingerprinter::Update(absl::string_view bytes) {
  XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
}

void Fingerprinter::UpdateField(absl::string_view bytes) {
  const uint64_t size = bytes.size();
  Update(absl::string_view(reinterpret_cast<const char*>(&size), sizeof(size)));
  Update(bytes);
}

std::string Fingerprinter::Hex() const { return ToHex(XXH3_128bits_digest(state_->xxh)); }

}  // namespace cassle
