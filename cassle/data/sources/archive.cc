#include "cassle/data/sources/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

// Most members are small; the buffer grows with what comes.
constexpr size_t kBlockBytes = 1 << 14;
constexpr size_t kMaxMemberBytes = size_t{1} << 30;

std::string DisplayName(const std::string& path) { return path == "-" ? "standard input" : path; }

std::string Reason(struct archive* reader) {
  const char* text = archive_error_string(reader);
  return text == nullptr ? "damaged" : text;
}

// Appends the rest of the current entry; the size in the header is not trusted.
absl::Status ReadData(struct archive* reader, const std::string& what, size_t max_bytes,
                      std::string* bytes) {
  size_t used = 0;
  while (true) {
    if (used + kBlockBytes / 4 > bytes->size()) bytes->resize(used + kBlockBytes + used / 2);
    const ssize_t count = archive_read_data(reader, &(*bytes)[used], bytes->size() - used);
    if (count < 0) return absl::DataLossError(absl::StrCat(what, ": ", Reason(reader)));
    if (count == 0) break;
    used += static_cast<size_t>(count);
    if (used > max_bytes) {
      return absl::DataLossError(absl::StrCat(what, ": more than ", max_bytes, " bytes"));
    }
  }
  bytes->resize(used);
  return absl::OkStatus();
}

int OpenPath(struct archive* reader, const std::string& path) {
  return path == "-" ? archive_read_open_fd(reader, STDIN_FILENO, kBlockBytes)
                     : archive_read_open_filename(reader, path.c_str(), kBlockBytes);
}

absl::Status CheckReadable(const std::string& path) {
  if (path == "-") return absl::OkStatus();
  if (IsDirectory(path)) {
    return absl::NotFoundError(absl::StrCat(path, " is a folder, not a file"));
  }
  return FileSize(path).status();
}

}  // namespace

absl::StatusOr<std::unique_ptr<TarReader>> TarReader::Open(const std::string& path) {
  CASSLE_RETURN_IF_ERROR(CheckReadable(path));
  struct archive* archive = archive_read_new();
  std::unique_ptr<TarReader> reader(new TarReader(DisplayName(path), archive));
  archive_read_support_filter_all(archive);
  archive_read_support_format_tar(archive);
  if (OpenPath(archive, path) != ARCHIVE_OK) return reader->Error();
  return reader;
}

TarReader::~TarReader() { archive_read_free(archive_); }

absl::Status TarReader::Error() const {
  return absl::DataLossError(absl::StrCat(
      path_, ": ",
      any_ ? absl::StrCat("damaged behind '", name_, "': ") : std::string("not a readable tar: "),
      Reason(archive_)));
}

absl::StatusOr<bool> TarReader::Next() {
  while (true) {
    struct archive_entry* entry = nullptr;
    const int result = archive_read_next_header(archive_, &entry);
    if (result == ARCHIVE_EOF) return false;
    if (result < ARCHIVE_WARN) return Error();
    any_ = true;
    const char* name = archive_entry_pathname(entry);
    if (archive_entry_filetype(entry) != AE_IFREG || name == nullptr) continue;
    name_ = name;
    if (name_.rfind("./", 0) == 0) name_.erase(0, 2);
    return true;
  }
}

absl::StatusOr<std::string> TarReader::Read() {
  std::string bytes;
  CASSLE_RETURN_IF_ERROR(
      ReadData(archive_, absl::StrCat(path_, ": '", name_, "'"), kMaxMemberBytes, &bytes));
  return bytes;
}

absl::StatusOr<std::string> ReadMaybeCompressed(const std::string& path) {
  CASSLE_RETURN_IF_ERROR(CheckReadable(path));
  CASSLE_ASSIGN_OR_RETURN(const int64_t size, FileSize(path));
  if (size == 0) return std::string();
  std::unique_ptr<struct archive, int (*)(struct archive*)> reader(archive_read_new(),
                                                                   archive_read_free);
  archive_read_support_filter_all(reader.get());
  archive_read_support_format_raw(reader.get());
  struct archive_entry* entry = nullptr;
  if (OpenPath(reader.get(), path) != ARCHIVE_OK ||
      archive_read_next_header(reader.get(), &entry) < ARCHIVE_WARN) {
    return absl::DataLossError(absl::StrCat(path, ": ", Reason(reader.get())));
  }
  std::string bytes;
  CASSLE_RETURN_IF_ERROR(ReadData(reader.get(), path, size_t{64} << 30, &bytes));
  return bytes;
}

}  // namespace cassle
