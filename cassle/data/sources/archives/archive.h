// Sequential reading of archives (tar, zip), plain or compressed (gzip_stream.h; libarchive: bzip2,
// xz, zstd and others), by the first bytes. What stands in a zip beside its members: zip_check.h.
#ifndef CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_H_
#define CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/data/sources/archives/gzip_stream.h"

struct archive;

namespace cassle {

// name and target are as they stand in the archive: any bytes.
struct ArchiveMember {
  enum class Kind { kFile, kFolder, kHardLink, kSymbolicLink, kOther };
  Kind kind = Kind::kOther;
  std::string name;
  // Of a link.
  std::string target;
};

// The members of a tar (also of several that were joined) or zip, in order. Not thread-safe.
class ArchiveReader {
 public:
  // name: of the archive in errors. interrupted: asked again and again by Next; may be empty.
  // \error kNotFound if it cannot be opened; kDataLoss if it is no tar or zip.
  static absl::StatusOr<std::unique_ptr<ArchiveReader>> Open(
      const std::string& path, const std::string& name,
      std::function<bool()> interrupted = nullptr);
  ~ArchiveReader();

  // Moves on to the next member; false at the end.
  // \error kDataLoss naming the archive and the last member, if it is damaged or cut short, and for
  // a member with a password; kCancelled once interrupted.
  absl::StatusOr<bool> Next();
  const ArchiveMember& member() const { return member_; }
  // Reads the current member.
  // \error kDataLoss as Next, and above max_bytes.
  absl::StatusOr<std::string> Read(size_t max_bytes = size_t{1} << 30);
  // Reads its first bytes, as many or all that there are; then Read() has the rest.
  // \error kDataLoss as Next.
  absl::StatusOr<std::string> ReadStart(size_t bytes);
  // How much of the file was read, in bytes.
  int64_t bytes_read() const;
  // At the end: whether a tar ended as tars end. One that does not may be cut between two members.
  bool has_end_mark() const { return has_end_mark_; }
  // At the end: bytes of the file behind its compressed data.
  int64_t bytes_behind() const { return gzip_ == nullptr ? bytes_behind_ : gzip_->bytes_behind(); }
  // After Next: is the file a zip, as it lies there?
  bool is_plain_zip() const;

 private:
  ArchiveReader(std::string name, struct archive* reader, std::function<bool()> interrupted)
      : name_(std::move(name)), archive_(reader), interrupted_(std::move(interrupted)) {}
  static ssize_t ReadGzip(struct archive* reader, void* self, const void** bytes);
  int OpenFile(const std::string& path);
  bool is_compressed() const;
  absl::Status Error() const;
  absl::Status SkipCompressed();

  const std::string name_;
  struct archive* const archive_;
  const std::function<bool()> interrupted_;
  // Null if the file was not compressed with gzip.
  std::unique_ptr<GzipStream> gzip_;
  bool gzip_failed_ = false;
  int64_t file_bytes_ = 0;
  // Of what libarchive unpacks.
  int64_t bytes_behind_ = 0;
  ArchiveMember member_;
  bool any_ = false;
  bool has_end_mark_ = true;
};

// Does the file begin as a tar or zip with a member does, compressed or not, whatever its name?
bool IsArchiveFile(const std::string& path);

}  // namespace cassle

#endif  // CASSLE_DATA_SOURCES_ARCHIVES_ARCHIVE_H_
