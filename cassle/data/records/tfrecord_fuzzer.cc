// Shards of image records: the framing, the index beside it, the records and their images.
#include <unistd.h>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/fuzz_check.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/image_record.pb.h"
#include "cassle/data/records/tfrecord.h"

namespace cassle {
namespace {

constexpr DecodeLimits kLimits = {/*max_pixels=*/1 << 16};

uint64_t LittleEndian(const std::string& bytes, size_t offset, int count) {
  uint64_t value = 0;
  for (int i = count - 1; i >= 0; --i) value = value << 8 | static_cast<uint8_t>(bytes[offset + i]);
  return value;
}

void PutChecksum(uint32_t checksum, size_t offset, std::string* bytes) {
  for (size_t i = 0; i < 4; ++i) (*bytes)[offset + i] = static_cast<char>(checksum >> (8 * i));
}

// Makes the checksums right as far as the lengths lead: otherwise every mutant ends there.
std::string WithRightChecksums(std::string shard) {
  for (size_t frame = 0; frame + kRecordOverheadBytes <= shard.size();) {
    const absl::string_view bytes(shard);
    const uint64_t length = LittleEndian(shard, frame, 8);
    PutChecksum(MaskedCrc32c(bytes.substr(frame, 8)), frame + 8, &shard);
    if (length > shard.size() - frame - kRecordOverheadBytes) break;
    PutChecksum(MaskedCrc32c(bytes.substr(frame + 12, length)), frame + 12 + length, &shard);
    frame += length + kRecordOverheadBytes;
  }
  return shard;
}

// A file of this process, on a memory file system where there is one.
const std::string& TemporaryPath() {
  static const std::string* const path = [] {
    const char* folder = std::getenv("TEST_TMPDIR");
    if (folder == nullptr) folder = IsDirectory("/dev/shm") ? "/dev/shm" : "/tmp";
    auto* result = new std::string(absl::StrCat(folder, "/cassle_tfrecord_fuzzer_", getpid()));
    std::atexit([] {
      RemoveAll(TemporaryPath()).IgnoreError();
      RemoveAll(TemporaryPath() + ".index").IgnoreError();
    });
    return result;
  }();
  return *path;
}

void CheckRecordPayload(const std::string& payload) {
  v1::ImageRecord record;
  if (!record.ParseFromString(payload)) return;
  RgbImage image;
  const absl::Status status = DecodeImage(record.encoded(), record.format(), record.height(),
                                          record.width(), &image, kLimits);
  CASSLE_FUZZ_CHECK(status.ok() || BlamesInput(status));
  CASSLE_FUZZ_CHECK(!status.ok() ||
                    image.pixels.size() == uint64_t{3} * image.height * image.width);
}

// WriteFile would fsync each time.
void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Reading in order and reading at an offset agree about every record, and about where it ends.
void CheckShard(const std::string& shard) {
  const std::string& path = TemporaryPath();
  Write(path, shard);
  auto reader = TfRecordReader::Open(path);
  CASSLE_FUZZ_CHECK(reader.ok());
  std::vector<uint64_t> offsets;
  std::string payload;
  for (;;) {
    const auto offset = static_cast<uint64_t>((*reader)->offset());
    const absl::StatusOr<bool> more = (*reader)->Next(&payload);
    const auto there = RecordAt(shard, offset, path, (*reader)->num_records());
    CASSLE_FUZZ_CHECK(there.ok() == (more.ok() && *more));
    if (!more.ok()) {
      CASSLE_FUZZ_CHECK(BlamesInput(more.status()) && BlamesInput(there.status()));
      break;
    }
    if (!*more) break;
    CASSLE_FUZZ_CHECK(*there == payload);
    offsets.push_back(offset);
    CheckRecordPayload(payload);
  }
  const auto size = static_cast<int64_t>(shard.size());
  CASSLE_FUZZ_CHECK(WriteRecordIndex(path, offsets).ok());
  const auto index = ReadRecordIndex(path, static_cast<int64_t>(offsets.size()), size);
  CASSLE_FUZZ_CHECK(index.ok() && *index == offsets);
}

// The same bytes as an index: whatever is accepted leads to a frame inside the file or to an error.
void CheckIndex(const std::string& bytes) {
  const std::string& path = TemporaryPath();
  Write(path + ".index", bytes);
  const auto offsets = ReadRecordIndex(path, static_cast<int64_t>(bytes.size() / 8),
                                       static_cast<int64_t>(bytes.size()));
  if (!offsets.ok()) return;
  for (uint64_t offset : *offsets) {
    const auto record = RecordAt(bytes, offset, path, 0);
    CASSLE_FUZZ_CHECK(record.ok() || BlamesInput(record.status()));
  }
}

}  // namespace
}  // namespace cassle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string bytes(reinterpret_cast<const char*>(data), size);
  cassle::CheckShard(bytes);
  const std::string repaired = cassle::WithRightChecksums(bytes);
  if (repaired != bytes) cassle::CheckShard(repaired);
  cassle::CheckIndex(bytes);
  return 0;
}
