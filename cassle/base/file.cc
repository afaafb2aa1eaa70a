#include "cassle/base/file.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/out_of_memory.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr size_t kReadBytes = 64 << 10;

absl::Status ReadError(const std::string& path, int error) {
  if (error == ENOMEM) {
    return absl::AbortedError(
        absl::StrCat("cannot read ", path, ": ", OutOfMemoryError().message()));
  }
  return absl::NotFoundError(absl::StrCat("cannot read ", path, ": ", std::strerror(error)));
}

absl::Status WriteError(const std::string& path, int error) {
  return absl::ResourceExhaustedError(
      absl::StrCat("cannot write ", path, ": ", std::strerror(error)));
}

// A file descriptor that is closed at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::Status WriteFully(const std::string& path, int fd, absl::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(fd, bytes.data(), bytes.size());
    if (written < 0) {
      if (errno == EINTR) continue;
      return WriteError(path, errno);
    }
    bytes.remove_prefix(written);
  }
  return absl::OkStatus();
}

// A file opened for reading and what is known of it; what is no file is refused with a message of
// its own.
absl::StatusOr<std::unique_ptr<Descriptor>> OpenForReading(const std::string& path,
                                                           struct stat* info) {
  if (IsSpecial(path)) {
    return absl::NotFoundError(
        absl::StrCat("cannot read ", path, ": it is a pipe, socket or device, not a file"));
  }
  auto fd = std::make_unique<Descriptor>(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd->get() < 0 || fstat(fd->get(), info) != 0) return ReadError(path, errno);
  if (S_ISDIR(info->st_mode)) return ReadError(path, EISDIR);
  return fd;
}

}  // namespace

std::string JoinPath(absl::string_view a, absl::string_view b) {
  if (a.empty() || absl::StartsWith(b, "/")) return std::string(b);
  if (b.empty()) return std::string(a);
  return absl::EndsWith(a, "/") ? absl::StrCat(a, b) : absl::StrCat(a, "/", b);
}

std::string BaseName(absl::string_view path) {
  while (path.size() > 1 && absl::EndsWith(path, "/")) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  return std::string(slash == absl::string_view::npos ? path : path.substr(slash + 1));
}

std::string DirName(absl::string_view path) {
  while (path.size() > 1 && absl::EndsWith(path, "/")) path.remove_suffix(1);
  const size_t slash = path.rfind('/');
  if (slash == absl::string_view::npos) return ".";
  return slash == 0 ? "/" : std::string(path.substr(0, slash));
}

bool FileExists(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0;
}

bool IsDirectory(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode);
}

bool IsLink(const std::string& path) {
  struct stat info;
  return lstat(path.c_str(), &info) == 0 && S_ISLNK(info.st_mode);
}

bool IsSpecial(const std::string& path) {
  std::error_code unknown;
  return std::filesystem::is_other(path, unknown);
}

bool IsPipe(const std::string& path) {
  struct stat info;
  return stat(path.c_str(), &info) == 0 && S_ISFIFO(info.st_mode);
}

absl::StatusOr<int64_t> FileSize(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return ReadError(path, errno);
  return info.st_size;
}

absl::Status ReadInBlocks(const std::string& path,
                          absl::FunctionRef<absl::Status(absl::string_view)> consume) {
  struct stat info;
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<Descriptor> fd, OpenForReading(path, &info));
  std::string block(kReadBytes, '\0');
  while (true) {
    const ssize_t count = read(fd->get(), &block[0], block.size());
    if (count == 0) return absl::OkStatus();
    if (count < 0) {
      if (errno == EINTR) continue;
      return ReadError(path, errno);
    }
    CASSLE_RETURN_IF_ERROR(consume(absl::string_view(block).substr(0, static_cast<size_t>(count))));
  }
}

std::string ReadStart(const std::string& path, size_t bytes) {
  if (IsSpecial(path)) return "";
  std::string start(bytes, '\0');
  std::ifstream file(path, std::ios::binary);
  file.read(&start[0], static_cast<std::streamsize>(bytes));
  start.resize(static_cast<size_t>(file.gcount()));
  return start;
}

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::string bytes;
  // A hint only: files in /proc report 0.
  bytes.reserve(static_cast<size_t>(FileSize(path).value_or(0)));
  CASSLE_RETURN_IF_ERROR(ReadInBlocks(path, [&bytes](absl::string_view block) {
    bytes.append(block.data(), block.size());
    return absl::OkStatus();
  }));
  return bytes;
}

absl::StatusOr<std::vector<std::string>> ListDirectory(const std::string& path) {
  DIR* folder = opendir(path.c_str());
  if (folder == nullptr) return ReadError(path, errno);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(folder)) {
    const std::string name = entry->d_name;
    if (name != "." && name != "..") names.push_back(name);
    errno = 0;
  }
  const int error = errno;
  closedir(folder);
  if (error != 0) return ReadError(path, error);
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::vector<std::string>> ListFilesBelow(const std::string& path) {
  std::vector<std::string> files;
  CASSLE_ASSIGN_OR_RETURN(std::vector<std::string> names, ListDirectory(path));
  for (const std::string& name : names) {
    const std::string child = JoinPath(path, name);
    if (!IsDirectory(child)) {
      files.push_back(name);
      continue;
    }
    CASSLE_ASSIGN_OR_RETURN(std::vector<std::string> below, ListFilesBelow(child));
    for (const std::string& file : below) files.push_back(JoinPath(name, file));
  }
  std::sort(files.begin(), files.end());
  return files;
}

absl::Status WriteFile(const std::string& path, absl::string_view bytes) {
  CASSLE_ASSIGN_OR_RETURN(std::unique_ptr<FileWriter> writer, FileWriter::Open(path));
  CASSLE_RETURN_IF_ERROR(writer->Append(bytes));
  return writer->Close();
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view bytes) {
  const std::string beside = absl::StrCat(path, ".tmp");
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<FileWriter> writer, FileWriter::Open(beside));
  absl::Status written = writer->Append(bytes);
  if (written.ok()) written = writer->Close();
  if (written.ok()) written = Rename(beside, path);
  if (!written.ok()) {
    unlink(beside.c_str());
    return written;
  }
  return SyncDirectory(DirName(path));
}

absl::Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return WriteError(path, error.value());
  return absl::OkStatus();
}

absl::Status RemoveAll(const std::string& path) {
  std::error_code error;
  std::filesystem::remove_all(path, error);
  if (error) return WriteError(path, error.value());
  return absl::OkStatus();
}

absl::Status Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return WriteError(to, errno);
  return absl::OkStatus();
}

absl::Status LinkOrCopy(const std::string& from, const std::string& to) {
  CASSLE_RETURN_IF_ERROR(RemoveAll(to));
  if (link(from.c_str(), to.c_str()) == 0) return absl::OkStatus();
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<FileWriter> copy, FileWriter::Open(to));
  CASSLE_RETURN_IF_ERROR(
      ReadInBlocks(from, [&copy](absl::string_view block) { return copy->Append(block); }));
  return copy->Close();
}

absl::Status SyncDirectory(const std::string& path) {
  Descriptor fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return WriteError(path, errno);
  // Some file systems cannot sync a folder and say EINVAL; nothing more can be done there.
  if (fsync(fd.get()) != 0 && errno != EINVAL) return WriteError(path, errno);
  return absl::OkStatus();
}

MappedFile::~MappedFile() {
  if (size_ > 0) munmap(const_cast<char*>(data_), size_);
}

absl::StatusOr<std::shared_ptr<MappedFile>> MapFile(const std::string& path) {
  struct stat info;
  CASSLE_ASSIGN_OR_RETURN(const std::unique_ptr<Descriptor> fd, OpenForReading(path, &info));
  const size_t size = static_cast<size_t>(info.st_size);
  if (size == 0) return std::make_shared<MappedFile>(nullptr, 0);
  void* data = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd->get(), 0);
  if (data == MAP_FAILED) return ReadError(path, errno);
  return std::make_shared<MappedFile>(static_cast<const char*>(data), size);
}

absl::StatusOr<std::unique_ptr<FileWriter>> FileWriter::Open(const std::string& path,
                                                             size_t buffer_bytes) {
  const bool standard_output = path == "-";
  const std::string name = standard_output ? "standard output" : path;
  const int fd = standard_output
                     ? fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                     : open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd < 0) return WriteError(name, errno);
  return std::unique_ptr<FileWriter>(new FileWriter(name, fd, buffer_bytes));
}

FileWriter::~FileWriter() {
  if (fd_ >= 0) {
    Flush().IgnoreError();
    close(fd_);
  }
}

absl::Status FileWriter::Append(absl::string_view bytes) {
  CASSLE_RETURN_IF_ERROR(status_);
  size_ += static_cast<int64_t>(bytes.size());
  if (buffer_.size() + bytes.size() > buffer_bytes_) CASSLE_RETURN_IF_ERROR(Flush());
  if (bytes.size() >= buffer_bytes_) return status_ = WriteFully(path_, fd_, bytes);
  buffer_.append(bytes.data(), bytes.size());
  return absl::OkStatus();
}

absl::Status FileWriter::Flush() {
  if (status_.ok()) status_ = WriteFully(path_, fd_, buffer_);
  buffer_.clear();
  return status_;
}

absl::Status FileWriter::Close() {
  if (fd_ < 0) return status_;
  absl::Status status = Flush();
  // Pipes and terminals cannot be synced (EINVAL); a full disk may show only here.
  if (status.ok() && fsync(fd_) != 0 && errno != EINVAL && errno != EROFS) {
    status = WriteError(path_, errno);
  }
  if (close(fd_) != 0 && status.ok()) status = WriteError(path_, errno);
  fd_ = -1;
  return status_ = status;
}

}  // namespace cassle
