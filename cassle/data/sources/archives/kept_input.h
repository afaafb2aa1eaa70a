// Standard input, kept in a temporary file for what has to be read more than once.
#ifndef CASSLE_DATA_SOURCES_ARCHIVES_KEPT_INPUT_H_
#define CASSLE_DATA_SOURCES_ARCHIVES_KEPT_INPUT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace cassle {

class KeptInput {
 public:
  // Copies standard input to its end, into $TMPDIR or else /var/tmp. The file has no name there, so
  // that nothing stays behind whatever happens.
  //   interrupted  asked again and again, also while nothing comes; may be empty
  //   copied       told how many bytes have come; may be empty
  // \error kNotFound if standard input cannot be read; kResourceExhausted if the disk is full;
  // kCancelled once interrupted.
  static absl::StatusOr<std::unique_ptr<KeptInput>> FromStandardInput(
      const std::function<bool()>& interrupted, const std::function<void(int64_t)>& copied);
  ~KeptInput();
  KeptInput(const KeptInput&) = delete;
  KeptInput& operator=(const KeptInput&) = delete;

  // Can be opened as long as this lives.
  std::string path() const;

 private:
  explicit KeptInput(int fd) : fd_(fd) {}
  const int fd_;
};

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ARCHIVES_KEPT_INPUT_H_
