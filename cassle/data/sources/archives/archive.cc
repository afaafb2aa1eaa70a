#include "cassle/data/sources/archives/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <locale.h>

#include <cerrno>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

// Most members are small; the buffer grows with what comes.
constexpr size_t kBlockBytes = 1 << 14;

// libarchive converts names from and to the locale's encoding, which has to know all of them.
class Utf8Locale {
 public:
  Utf8Locale() : before_(uselocale(Shared())) {}
  ~Utf8Locale() { uselocale(before_); }
  Utf8Locale(const Utf8Locale&) = delete;
  Utf8Locale& operator=(const Utf8Locale&) = delete;

 private:
  static locale_t Shared() {
    static const locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
    // (locale_t)0 leaves the thread's locale as it is.
    return locale;
  }

  const locale_t before_;
};

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

// All that checks its data, but for gzip.
void SupportFilters(struct archive* reader) {
  archive_read_support_filter_bzip2(reader);
  archive_read_support_filter_compress(reader);
  archive_read_support_filter_lz4(reader);
  archive_read_support_filter_lzip(reader);
  archive_read_support_filter_lzma(reader);
  archive_read_support_filter_xz(reader);
  archive_read_support_filter_zstd(reader);
}

absl::StatusOr<int64_t> SizeOfReadable(const std::string& path) {
  if (IsDirectory(path)) {
    return absl::NotFoundError(absl::StrCat(path, " is a folder, not a file"));
  }
  return FileSize(path);
}

}  // namespace

absl::StatusOr<std::unique_ptr<ArchiveReader>> ArchiveReader::Open(
    const std::string& path, const std::string& name, std::function<bool()> interrupted) {
  CASSLE_ASSIGN_OR_RETURN(const int64_t file_bytes, SizeOfReadable(path));
  struct archive* archive = archive_read_new();
  std::unique_ptr<ArchiveReader> reader(new ArchiveReader(name, archive, std::move(interrupted)));
  reader->file_bytes_ = file_bytes;
  SupportFilters(archive);
  archive_read_support_format_tar(archive);
  archive_read_support_format_zip(archive);
  archive_read_set_options(archive, "read_concatenated_archives");
  if (reader->OpenFile(path) != ARCHIVE_OK) return reader->Error();
  return reader;
}

int ArchiveReader::OpenFile(const std::string& path) {
  if (!IsGzip(path)) return archive_read_open_filename(archive_, path.c_str(), kBlockBytes);
  gzip_ = std::make_unique<GzipStream>(path);
  return archive_read_open(archive_, this, nullptr, ReadGzip, nullptr);
}

// libarchive asks for the next bytes.
ssize_t ArchiveReader::ReadGzip(struct archive* reader, void* self, const void** bytes) {
  auto* const own = static_cast<ArchiveReader*>(self);
  const absl::StatusOr<absl::string_view> next = own->gzip_->Next();
  if (!next.ok()) {
    own->gzip_failed_ = true;
    archive_set_error(reader, EILSEQ, "%s", std::string(next.status().message()).c_str());
    return ARCHIVE_FATAL;
  }
  *bytes = next->data();
  return static_cast<ssize_t>(next->size());
}

bool ArchiveReader::is_compressed() const {
  return gzip_ != nullptr || archive_filter_count(archive_) > 1;
}

bool ArchiveReader::is_plain_zip() const {
  return !is_compressed() &&
         (archive_format(archive_) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_ZIP;
}

ArchiveReader::~ArchiveReader() { archive_read_free(archive_); }

absl::Status ArchiveReader::Error() const {
  const std::string reason = Reason(archive_);
  return absl::DataLossError(absl::StrCat(
      name_, ": ",
      any_ ? absl::StrCat("damaged or cut short behind '", EscapedName(member_.name), "', ",
                          archive_filter_bytes(archive_, 0), " bytes on: ")
      : gzip_failed_ ? std::string()
                     : std::string("not a readable tar or zip: "),
      reason, absl::StrContains(reason, " again") ? "" : ": download or pack it again"));
}

int64_t ArchiveReader::bytes_read() const {
  return gzip_ != nullptr ? gzip_->bytes_read() : archive_filter_bytes(archive_, -1);
}

// Where libarchive cannot seek, the way to the next member may be long. Whatever else ends this,
// libarchive meets again.
absl::Status ArchiveReader::SkipCompressed() {
  const void* block = nullptr;
  size_t size = 0;
  la_int64_t offset = 0;
  do {
    if (interrupted_ && interrupted_()) {
      return absl::CancelledError(
          absl::StrCat("interrupted while ", name_, " was read; start again to redo"));
    }
  } while (any_ && is_compressed() &&
           archive_read_data_block(archive_, &block, &size, &offset) == ARCHIVE_OK);
  return absl::OkStatus();
}

absl::StatusOr<bool> ArchiveReader::Next() {
  const Utf8Locale locale;
  CASSLE_RETURN_IF_ERROR(SkipCompressed());
  struct archive_entry* entry = nullptr;
  const int result = archive_read_next_header(archive_, &entry);
  if (result == ARCHIVE_EOF) {
    const bool tar = (archive_format(archive_) & ARCHIVE_FORMAT_BASE_MASK) == ARCHIVE_FORMAT_TAR;
    has_end_mark_ =
        !tar || archive_filter_bytes(archive_, 0) > archive_read_header_position(archive_);
    if (gzip_ == nullptr) {
      // Where the next data do not begin as such, libarchive takes them for no part of the file.
      if (is_compressed()) bytes_behind_ = file_bytes_ - archive_filter_bytes(archive_, -1);
      return false;
    }
    const absl::Status finished = gzip_->Finish();
    if (finished.ok()) return false;
    return absl::DataLossError(absl::StrCat(name_, ": ", finished.message()));
  }
  if (result < ARCHIVE_WARN) return Error();
  any_ = true;
  const char* name = archive_entry_pathname(entry);
  if (name == nullptr) {
    return absl::DataLossError(absl::StrCat(
        name_, ": what follows ",
        member_.name.empty() ? "at its begin" : absl::StrCat("'", EscapedName(member_.name), "'"),
        " is no member whose name can be read: it is damaged, of another encoding, or no part of "
        "the archive; pack it again"));
  }
  member_.name = name;
  const char* hard = archive_entry_hardlink(entry);
  const char* symbolic = archive_entry_symlink(entry);
  const auto type = archive_entry_filetype(entry);
  member_.kind = hard != nullptr       ? ArchiveMember::Kind::kHardLink
                 : symbolic != nullptr ? ArchiveMember::Kind::kSymbolicLink
                 : type == AE_IFREG    ? ArchiveMember::Kind::kFile
                 : type == AE_IFDIR    ? ArchiveMember::Kind::kFolder
                                       : ArchiveMember::Kind::kOther;
  member_.target = hard != nullptr ? hard : symbolic != nullptr ? symbolic : "";
  if (archive_entry_is_encrypted(entry)) {
    return absl::DataLossError(
        absl::StrCat(name_, ": '", EscapedName(member_.name),
                     "' is protected by a password: unpack the archive first"));
  }
  return true;
}

absl::StatusOr<std::string> ArchiveReader::Read(size_t max_bytes) {
  const Utf8Locale locale;
  std::string bytes;
  CASSLE_RETURN_IF_ERROR(ReadData(
      archive_, absl::StrCat(name_, ": '", EscapedName(member_.name), "'"), max_bytes, &bytes));
  return bytes;
}

absl::StatusOr<std::string> ArchiveReader::ReadStart(size_t bytes) {
  const Utf8Locale locale;
  std::string start(bytes, '\0');
  const ssize_t count = archive_read_data(archive_, &start[0], bytes);
  if (count < 0) return Error();
  start.resize(static_cast<size_t>(count));
  return start;
}

bool IsArchiveFile(const std::string& path) {
  const auto reader = ArchiveReader::Open(path, path);
  if (!reader.ok()) return false;
  const absl::StatusOr<bool> any = (*reader)->Next();
  return any.ok() && *any;
}

}  // namespace cassle
