// xxh3-128 fingerprints: the identity of files, options and outputs. Not cryptographic.
#ifndef CASSLE_BASE_FINGERPRINT_H_
#define CASSLE_BASE_FINGERPRINT_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cassle {

// Of some bytes: 32 hexadecimal digits, as `xxh128sum` prints them.
std::string FingerprintBytes(absl::string_view bytes);

// Of a file's bytes, read in blocks.
//   interrupted  asked between blocks; true ends it. May be empty.
// \error as ReadFile; kCancelled if interrupted.
absl::StatusOr<std::string> FingerprintFile(const std::string& path,
                                            const std::function<bool()>& interrupted = nullptr);

// Incremental; Update("ab") equals Update("a") then Update("b").
class Fingerprinter {
 public:
  Fingerprinter();
  ~Fingerprinter();
  void Update(absl::string_view bytes);
  // A field of a structured identity: its length goes before it, so that ("ab","c") and ("a","bc")
  // differ.
  void UpdateField(absl::string_view bytes);
  std::string Hex() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace cassle

#endif  // CASSLE_BASE_FINGERPRINT_H_
