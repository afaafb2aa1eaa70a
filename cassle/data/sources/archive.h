// Sequential reading of tar archives and of compressed files (libarchive: gzip, bzip2, xz, zstd or
// none, by the first bytes).
#ifndef CASSLE_DATA_SOURCES_ARCHIVE_H_
#define CASSLE_DATA_SOURCES_ARCHIVE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct archive;

namespace cassle {

// The regular files of a tar, in order. Not thread-safe.
class TarReader {
 public:
  // path "-" reads stdin.
  // \error kNotFound if it cannot be opened; kDataLoss if it is no tar.
  static absl::StatusOr<std::unique_ptr<TarReader>> Open(const std::string& path);
  ~TarReader();

  // Moves on to the next regular file; false at the end.
  // \error kDataLoss naming the archive and the last file read, if it is damaged or truncated.
  absl::StatusOr<bool> Next();
  // Of the current file.
  const std::string& name() const { return name_; }
  // Reads the current file.
  // \error kDataLoss as Next, and above 1 GiB.
  absl::StatusOr<std::string> Read();

 private:
  TarReader(std::string path, struct archive* reader) : path_(std::move(path)), archive_(reader) {}
  absl::Status Error() const;

  const std::string path_;
  struct archive* const archive_;
  std::string name_;
  bool any_ = false;
};

// The content of a file, uncompressed if it is compressed.
// \error kNotFound if it cannot be read; kDataLoss if the compressed data are damaged.
absl::StatusOr<std::string> ReadMaybeCompressed(const std::string& path);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ARCHIVE_H_
