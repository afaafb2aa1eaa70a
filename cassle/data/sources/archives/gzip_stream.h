// GzipStream: what a .gz holds, checked. Of libarchive's filters that of gzip alone compares
// neither the checksum nor the length, so a flipped bit in a label would pass.
#ifndef CASSLE_DATA_SOURCES_ARCHIVES_GZIP_STREAM_H_
#define CASSLE_DATA_SOURCES_ARCHIVES_GZIP_STREAM_H_

#include <cstdint>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/data/sources/tally.h"

struct inflate_state;

namespace cassle {

// Does the file begin as one that gzip wrote?
bool IsGzip(const std::string& path);

// The content of a gzip file, in order; members that follow each other are one content, as gzip
// has it. Not thread-safe.
class GzipStream {
 public:
  // A file that cannot be opened is an empty one.
  explicit GzipStream(const std::string& path);
  ~GzipStream();

  // The next bytes, which live until the next call; none at the end.
  // \error kDataLoss, which does not name the file, for damage, a checksum or a length that does
  // not fit, and an early end.
  absl::StatusOr<absl::string_view> Next();
  // Reads to the end, so that all is checked.
  // \error as Next.
  absl::Status Finish();

  // How much of the file was read, in bytes.
  int64_t bytes_read() const { return bytes_read_; }
  // At the end: bytes behind the last member that are no zeros (with which tapes are filled up).
  int64_t bytes_behind() const { return bytes_behind_; }

 private:
  bool Refill();
  absl::StatusOr<bool> BeginMember();
  void CountBehind();

  std::ifstream file_;
  std::vector<uint8_t> input_, output_;
  // Holds where in input_ it is.
  const std::unique_ptr<inflate_state> state_;
  int64_t bytes_read_ = 0;
  int64_t bytes_behind_ = 0;
  int64_t members_ = 0;
  bool in_member_ = false;
  bool done_ = false;
};

// Says in the tally how many bytes of the file called `name` lie behind its gzip data, if any do.
void SayBytesBehind(const std::string& name, int64_t bytes, Tally* tally);

// The content of a file, unpacked if gzip wrote it. Says what lies behind it.
// \error kNotFound if it cannot be read; kDataLoss as GzipStream, and for a content above 64 GiB.
absl::StatusOr<std::string> ReadMaybeGzipped(const std::string& path, Tally* tally);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ARCHIVES_GZIP_STREAM_H_
