#include "cassle/data/records/tfrecord.h"

#include <fcntl.h>
#include <isa-l/crc.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr int64_t kHeaderBytes = 12;
constexpr int64_t kFooterBytes = 4;
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
// So small that records of a few bytes cross its end.
constexpr size_t kBufferBytes = 32;
#else
constexpr size_t kBufferBytes = 256 << 10;
#endif
constexpr size_t kIndexBufferBytes = 16 << 10;

template <class T>
T ReadLittleEndian(absl::string_view bytes) {
  T value = 0;
  for (int i = sizeof(T) - 1; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

template <class T>
void AppendLittleEndian(T value, std::string* bytes) {
  for (size_t i = 0; i < sizeof(T); ++i) bytes->push_back(static_cast<char>(value >> (8 * i)));
}

absl::Status Damaged(absl::string_view file, int64_t record, uint64_t offset,
                     absl::string_view reason) {
  return absl::DataLossError(
      absl::StrCat(file, ": record ", record, " at byte ", offset, ": ", reason));
}

// The length in a frame's header, or why it is no header.
absl::StatusOr<int64_t> CheckHeader(absl::string_view header) {
  if (ReadLittleEndian<uint32_t>(header.substr(8)) != MaskedCrc32c(header.substr(0, 8))) {
    return absl::DataLossError(
        "the checksum of the length is wrong (damaged, or no TFRecord file)");
  }
  const uint64_t length = ReadLittleEndian<uint64_t>(header);
  if (length > static_cast<uint64_t>(kMaxRecordBytes)) {
    return absl::DataLossError(
        absl::StrCat("a length of ", length, " bytes is more than a record may have"));
  }
  return static_cast<int64_t>(length);
}

absl::Status CheckPayload(absl::string_view payload, absl::string_view footer) {
  if (ReadLittleEndian<uint32_t>(footer) != MaskedCrc32c(payload)) {
    return absl::DataLossError("the checksum of the payload is wrong (damaged)");
  }
  return absl::OkStatus();
}

std::string EndsEarly(int64_t wanted, int64_t found) {
  return absl::StrCat("the file ends early (", found, " of ", wanted, " bytes; truncated)");
}

}  // namespace

uint32_t Crc32c(absl::string_view bytes) {
  uint32_t crc = 0xffffffff;
  while (!bytes.empty()) {
    // ISA-L takes the length as int.
    const absl::string_view part = bytes.substr(0, size_t{1} << 30);
    crc = crc32_iscsi(reinterpret_cast<unsigned char*>(const_cast<char*>(part.data())),
                      static_cast<int>(part.size()), crc);
    bytes.remove_prefix(part.size());
  }
  return ~crc;
}

uint32_t MaskedCrc32c(absl::string_view bytes) {
  const uint32_t crc = Crc32c(bytes);
  return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

std::string ShardFileName(absl::string_view name, int shard, int num_shards) {
  return absl::StrFormat("%s-%05d-of-%05d.tfrecord", name, shard, num_shards);
}

absl::StatusOr<std::unique_ptr<TfRecordWriter>> TfRecordWriter::Open(
    const std::string& path, const std::string& index_path) {
  CASSLE_ASSIGN_OR_RETURN(std::unique_ptr<FileWriter> file, FileWriter::Open(path));
  std::unique_ptr<FileWriter> index;
  if (!index_path.empty()) {
    CASSLE_ASSIGN_OR_RETURN(index, FileWriter::Open(index_path, kIndexBufferBytes));
  }
  return std::unique_ptr<TfRecordWriter>(new TfRecordWriter(std::move(file), std::move(index)));
}

absl::Status TfRecordWriter::Append(absl::string_view payload) {
  if (payload.size() > static_cast<uint64_t>(kMaxRecordBytes)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a record of ", payload.size(), " bytes is more than ", kMaxRecordBytes));
  }
  const uint64_t offset = static_cast<uint64_t>(file_->size());
  if (index_ == nullptr) {
    offsets_.push_back(offset);
  } else {
    std::string entry;
    AppendLittleEndian<uint64_t>(offset, &entry);
    CASSLE_RETURN_IF_ERROR(index_->Append(entry));
  }
  ++num_records_;
  std::string header;
  AppendLittleEndian<uint64_t>(payload.size(), &header);
  AppendLittleEndian<uint32_t>(MaskedCrc32c(header), &header);
  std::string footer;
  AppendLittleEndian<uint32_t>(MaskedCrc32c(payload), &footer);
  CASSLE_RETURN_IF_ERROR(file_->Append(header));
  CASSLE_RETURN_IF_ERROR(file_->Append(payload));
  return file_->Append(footer);
}

absl::Status TfRecordWriter::Close() {
  CASSLE_RETURN_IF_ERROR(file_->Close());
  return index_ == nullptr ? absl::OkStatus() : index_->Close();
}

absl::StatusOr<std::unique_ptr<TfRecordReader>> TfRecordReader::Open(const std::string& path,
                                                                     int64_t record,
                                                                     uint64_t offset) {
  const bool standard_input = path == "-";
  const int fd = standard_input ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
                                : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  }
  std::unique_ptr<TfRecordReader> reader(
      new TfRecordReader(standard_input ? "standard input" : path, fd));
  if (offset > 0 && lseek(fd, static_cast<off_t>(offset), SEEK_SET) < 0) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  }
  reader->num_records_ = record;
  reader->offset_ = static_cast<int64_t>(offset);
  return reader;
}

TfRecordReader::~TfRecordReader() { close(fd_); }

absl::Status TfRecordReader::Damage(absl::string_view reason) const {
  return Damaged(name_, num_records_, static_cast<uint64_t>(offset_), reason);
}

absl::StatusOr<int64_t> TfRecordReader::Read(int64_t size, std::string* out) {
  out->clear();
  while (static_cast<int64_t>(out->size()) < size) {
    if (used_ == buffer_.size()) {
      buffer_.resize(kBufferBytes);
      used_ = 0;
      ssize_t count;
      do {
        count = read(fd_, &buffer_[0], buffer_.size());
      } while (count < 0 && errno == EINTR);
      if (count < 0) {
        buffer_.clear();
        return absl::NotFoundError(absl::StrCat("cannot read ", name_, ": ", std::strerror(errno)));
      }
      buffer_.resize(static_cast<size_t>(count));
      if (count == 0) break;
    }
    const size_t part = std::min(buffer_.size() - used_, static_cast<size_t>(size) - out->size());
    out->append(buffer_, used_, part);
    used_ += part;
  }
  return static_cast<int64_t>(out->size());
}

absl::StatusOr<bool> TfRecordReader::Next(std::string* payload) {
  std::string header;
  CASSLE_ASSIGN_OR_RETURN(const int64_t header_bytes, Read(kHeaderBytes, &header));
  if (header_bytes == 0) return false;
  if (header_bytes < kHeaderBytes) return Damage(EndsEarly(kHeaderBytes, header_bytes));
  const absl::StatusOr<int64_t> length = CheckHeader(header);
  if (!length.ok()) return Damage(length.status().message());
  CASSLE_ASSIGN_OR_RETURN(const int64_t payload_bytes, Read(*length, payload));
  std::string footer;
  CASSLE_ASSIGN_OR_RETURN(const int64_t footer_bytes, Read(kFooterBytes, &footer));
  if (footer_bytes < kFooterBytes) {
    return Damage(
        EndsEarly(*length + kRecordOverheadBytes, kHeaderBytes + payload_bytes + footer_bytes));
  }
  const absl::Status checked = CheckPayload(*payload, footer);
  if (!checked.ok()) return Damage(checked.message());
  offset_ += *length + kRecordOverheadBytes;
  ++num_records_;
  return true;
}

absl::StatusOr<absl::string_view> RecordAt(absl::string_view file_bytes, uint64_t offset,
                                           absl::string_view file, int64_t record) {
  if (offset > file_bytes.size() ||
      file_bytes.size() - offset < static_cast<uint64_t>(kRecordOverheadBytes)) {
    return Damaged(file, record, offset, "lies outside the file (truncated)");
  }
  const absl::string_view frame = file_bytes.substr(offset);
  const absl::StatusOr<int64_t> length = CheckHeader(frame.substr(0, kHeaderBytes));
  if (!length.ok()) return Damaged(file, record, offset, length.status().message());
  const int64_t available = static_cast<int64_t>(frame.size());
  if (*length > available - kRecordOverheadBytes) {
    return Damaged(file, record, offset, EndsEarly(*length + kRecordOverheadBytes, available));
  }
  const absl::string_view payload = frame.substr(kHeaderBytes, *length);
  const absl::Status checked = CheckPayload(payload, frame.substr(kHeaderBytes + *length));
  if (!checked.ok()) return Damaged(file, record, offset, checked.message());
  return payload;
}

absl::Status WriteRecordIndex(const std::string& file, const std::vector<uint64_t>& offsets) {
  std::string bytes;
  bytes.reserve(offsets.size() * 8);
  for (uint64_t offset : offsets) AppendLittleEndian<uint64_t>(offset, &bytes);
  return WriteFile(file + ".index", bytes);
}

absl::StatusOr<uint64_t> ReadRecordOffset(const std::string& file, int64_t record) {
  const std::string path = file + ".index";
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", std::strerror(errno)));
  }
  char entry[8];
  const ssize_t count = pread(fd, entry, sizeof(entry), static_cast<off_t>(8 * record));
  close(fd);
  if (count != sizeof(entry)) {
    return absl::DataLossError(
        absl::StrCat(path, ": there is no entry ", record, " (truncated or of another file)"));
  }
  return ReadLittleEndian<uint64_t>(absl::string_view(entry, sizeof(entry)));
}

absl::StatusOr<std::vector<uint64_t>> ReadRecordIndex(const std::string& file, int64_t num_records,
                                                      int64_t shard_bytes) {
  const std::string path = file + ".index";
  CASSLE_ASSIGN_OR_RETURN(const std::string bytes, ReadFile(path));
  // No product: a damaged count could overflow to the right number of bytes.
  if (num_records < 0 || bytes.size() % 8 != 0 ||
      bytes.size() / 8 != static_cast<uint64_t>(num_records)) {
    return absl::DataLossError(absl::StrCat(path, ": ", bytes.size(), " bytes, but ", num_records,
                                            " records need 8 bytes each"));
  }
  std::vector<uint64_t> offsets(static_cast<size_t>(num_records));
  uint64_t least = 0;
  for (size_t i = 0; i < offsets.size(); ++i) {
    offsets[i] = ReadLittleEndian<uint64_t>(absl::string_view(bytes).substr(8 * i));
    if (offsets[i] < least || (i == 0 && offsets[i] != 0) ||
        offsets[i] > static_cast<uint64_t>(shard_bytes)) {
      return absl::DataLossError(absl::StrCat(path, ": entry ", i, " is ", offsets[i],
                                              ", which is no offset of a record (damaged)"));
    }
    least = offsets[i] + kRecordOverheadBytes;
  }
  return offsets;
}

}  // namespace cassle
