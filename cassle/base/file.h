// Files with absl::Status. Reading errors are kNotFound, writing errors kResourceExhausted: the
// stage harness turns them into exit codes 66 and 73. Every message names the path and the system's
// reason.
#ifndef CASSLE_BASE_FILE_H_
#define CASSLE_BASE_FILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace cassle {

// "a/b"; b alone when it is absolute or a is empty.
std::string JoinPath(absl::string_view a, absl::string_view b);
// The part after the last slash, trailing slashes ignored.
std::string BaseName(absl::string_view path);
// The part before the last slash; "." when there is none.
std::string DirName(absl::string_view path);

bool FileExists(const std::string& path);
bool IsDirectory(const std::string& path);
// A symbolic link, wherever it leads.
bool IsLink(const std::string& path);
// A pipe, socket or device, or a link to one: opening it may wait for a writer, reading never end.
bool IsSpecial(const std::string& path);
// A FIFO, such as a shell's <(command): what is read from it is gone.
bool IsPipe(const std::string& path);
absl::StatusOr<int64_t> FileSize(const std::string& path);

absl::StatusOr<std::string> ReadFile(const std::string& path);
// At most so many bytes from the beginning of a file; none if it is special or cannot be read.
std::string ReadStart(const std::string& path, size_t bytes);
// Hands on the bytes of a file in order, 64 KiB at a time. Ends with the first error that `consume`
// returns.
absl::Status ReadInBlocks(const std::string& path,
                          absl::FunctionRef<absl::Status(absl::string_view)> consume);
// Names (not paths) in a folder, sorted by bytes, without "." and "..".
absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path);
// Paths of all that is no folder below a folder, relative to it, sorted by bytes. Links to folders
// are followed.
absl::StatusOr<std::vector<std::string>> ListFilesBelow(const std::string& path);

// Writes and fsyncs. The file is there in part if this fails or the process dies: use it inside a
// partial folder.
absl::Status WriteFile(const std::string& path, absl::string_view bytes);
// Beside, fsynced, renamed: the old content or the new, never a part.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes);
// With all parents; fine if it exists.
absl::Status MakeDirectories(const std::string& path);
// File or folder with everything below; fine if it is missing.
absl::Status RemoveAll(const std::string& path);
absl::Status Rename(const std::string& from, const std::string& to);
// A second name for the same file; a copy where the file system has none. Replaces what is there.
absl::Status LinkOrCopy(const std::string& from, const std::string& to);
// fsync of a folder: makes renames inside it durable.
absl::Status SyncDirectory(const std::string& path);

// A read-only memory mapping. Thread-safe.
class MappedFile {
 public:
  MappedFile(const char* data, size_t size) : data_(data), size_(size) {}
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  absl::string_view bytes() const { return absl::string_view(data_, size_); }

 private:
  const char* data_;
  size_t size_;
};

absl::StatusOr<std::shared_ptr<MappedFile>> MapFile(const std::string& path);

// Sequential writing through a buffer. Close() reports every earlier error again; a writer that
// is destroyed without Close() leaves what was flushed. "-" writes to stdout. Not thread-safe.
class FileWriter {
 public:
  static absl::StatusOr<std::unique_ptr<FileWriter>> Open(const std::string& path,
                                                          size_t buffer_bytes = 256 << 10);
  ~FileWriter();
  absl::Status Append(absl::string_view bytes);
  // Flushes and fsyncs.
  absl::Status Close();
  // Bytes appended so far.
  int64_t size() const { return size_; }

 private:
  FileWriter(std::string path, int fd, size_t buffer_bytes)
      : path_(std::move(path)), buffer_bytes_(buffer_bytes), fd_(fd) {
    buffer_.reserve(buffer_bytes);
  }
  absl::Status Flush();

  const std::string path_;
  const size_t buffer_bytes_;
  int fd_;
  std::string buffer_;
  int64_t size_ = 0;
  absl::Status status_;
};

}  // namespace cassle

#endif  // CASSLE_BASE_FILE_H_
