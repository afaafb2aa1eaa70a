#include "cassle/data/sources/archives/gzip_stream.h"

#include <isa-l/igzip_lib.h>

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

constexpr size_t kInputBytes = size_t{64} << 10;
constexpr size_t kOutputBytes = size_t{256} << 10;
// The magic, deflate, and flags of which the upper three are reserved.
constexpr size_t kStartBytes = 4;

bool BeginsMember(const uint8_t* start, size_t size) {
  return size >= kStartBytes && start[0] == 0x1f && start[1] == 0x8b && start[2] == 8 &&
         (start[3] & 0xe0) == 0;
}

}  // namespace

bool IsGzip(const std::string& path) {
  const std::string start = ReadStart(path, kStartBytes);
  return BeginsMember(reinterpret_cast<const uint8_t*>(start.data()), start.size());
}

GzipStream::GzipStream(const std::string& path)
    : file_(path, std::ios::binary),
      input_(kInputBytes),
      output_(kOutputBytes),
      state_(std::make_unique<inflate_state>()) {
  isal_inflate_init(state_.get());
  state_->next_in = input_.data();
  state_->avail_in = 0;
}

GzipStream::~GzipStream() = default;

// Adds to what is left of the input; false at the end of the file.
bool GzipStream::Refill() {
  std::memmove(input_.data(), state_->next_in, state_->avail_in);
  state_->next_in = input_.data();
  file_.read(reinterpret_cast<char*>(input_.data() + state_->avail_in),
             static_cast<std::streamsize>(input_.size() - state_->avail_in));
  const auto count = static_cast<uint32_t>(file_.gcount());
  state_->avail_in += count;
  bytes_read_ += count;
  return count > 0;
}

// False if none follows.
absl::StatusOr<bool> GzipStream::BeginMember() {
  while (state_->avail_in < kStartBytes && Refill()) {
  }
  if (!BeginsMember(state_->next_in, state_->avail_in)) {
    if (members_ == 0) return absl::DataLossError("no gzip data");
    CountBehind();
    return false;
  }
  ++members_;
  isal_inflate_reset(state_.get());
  state_->crc_flag = ISAL_GZIP;
  return true;
}

void GzipStream::CountBehind() {
  int64_t zeros = 0;
  do {
    for (; state_->avail_in > 0; --state_->avail_in, ++state_->next_in) {
      if (*state_->next_in == 0) {
        ++zeros;
      } else {
        bytes_behind_ += zeros + 1;
        zeros = 0;
      }
    }
  } while (Refill());
}

absl::StatusOr<absl::string_view> GzipStream::Next() {
  while (!done_) {
    if (!in_member_) {
      CASSLE_ASSIGN_OR_RETURN(in_member_, BeginMember());
      done_ = !in_member_;
      continue;
    }
    const bool more = state_->avail_in > 0 || Refill();
    state_->next_out = output_.data();
    state_->avail_out = static_cast<uint32_t>(output_.size());
    const int result = isal_inflate(state_.get());
    if (result == ISAL_INCORRECT_CHECKSUM) {
      return absl::DataLossError(
          "the checksum of gzip does not fit its content: download or pack it again");
    }
    if (result < 0) return absl::DataLossError("damaged gzip data: download or pack it again");
    in_member_ = state_->block_state != ISAL_BLOCK_FINISH;
    const size_t count = output_.size() - state_->avail_out;
    if (count > 0) {
      return absl::string_view(reinterpret_cast<const char*>(output_.data()), count);
    }
    if (in_member_ && !more) {
      return absl::DataLossError("the gzip data end early: download or pack it again");
    }
  }
  return absl::string_view();
}

absl::Status GzipStream::Finish() {
  while (true) {
    CASSLE_ASSIGN_OR_RETURN(const absl::string_view bytes, Next());
    if (bytes.empty()) return absl::OkStatus();
  }
}

void SayBytesBehind(const std::string& name, int64_t bytes, Tally* tally) {
  if (bytes == 0) return;
  tally->Decide(absl::StrCat(EscapedName(BaseName(name)), ": ", bytes,
                             " bytes behind the compressed data are not read"));
}

absl::StatusOr<std::string> ReadMaybeGzipped(const std::string& path, Tally* tally) {
  constexpr size_t kMaxBytes = size_t{64} << 30;
  if (!IsGzip(path)) return ReadFile(path);
  GzipStream stream(path);
  std::string content;
  while (true) {
    const absl::StatusOr<absl::string_view> bytes = stream.Next();
    if (!bytes.ok()) return absl::DataLossError(absl::StrCat(path, ": ", bytes.status().message()));
    if (bytes->empty()) break;
    absl::StrAppend(&content, *bytes);
    if (content.size() > kMaxBytes) {
      return absl::DataLossError(absl::StrCat(path, ": more than ", kMaxBytes, " bytes"));
    }
  }
  SayBytesBehind(path, stream.bytes_behind(), tally);
  return content;
}

}  // namespace cassle
