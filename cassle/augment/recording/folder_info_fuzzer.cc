// dataset.textproto and views.textproto, as damaged or edited by hand, over shards that are right:
// opening the folder, reading what it says is there.
#include <unistd.h>
#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/augment/recording/image_record_reader.h"
#include "cassle/augment/recording/record_reader.h"
#include "cassle/augment/recording/recorded_views.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/fuzz_check.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/image.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/records/image_record.pb.h"
#include "cassle/data/records/tfrecord.h"
#include "cassle/data/records/view_record.pb.h"
#include "cassle/stage/stage_manifest.h"

namespace cassle {
namespace {

constexpr int kImages = 3;
constexpr int kViews = 2;

// WriteFile would fsync each time.
void Write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Bytes of the record `number` of a shard.
using Payload = std::string (*)(int number);

void WriteShard(const std::string& path, int first, int num_records, Payload payload) {
  auto writer = TfRecordWriter::Open(path);
  CASSLE_FUZZ_CHECK(writer.ok());
  for (int i = 0; i < num_records; ++i) {
    CASSLE_FUZZ_CHECK((*writer)->Append(payload(first + i)).ok());
  }
  CASSLE_FUZZ_CHECK((*writer)->Close().ok());
  CASSLE_FUZZ_CHECK(WriteRecordIndex(path, (*writer)->offsets()).ok());
}

std::string ImagePayload(int number) {
  v1::ImageRecord record;
  record.set_id(number);
  record.set_format(v1::RAW_RGB8);
  record.set_height(2);
  record.set_width(2);
  record.set_encoded(std::string(12, '\x7f'));
  return record.SerializeAsString();
}

std::string ViewPayload(int number) {
  v1::ViewRecord record;
  record.set_epoch(number / (kImages * kViews));
  record.set_image_id(number / kViews % kImages);
  record.set_view(number % kViews);
  return record.SerializeAsString();
}

// A folder of this process, on a memory file system where there is one: i0.tfrecord with two
// images, i1.tfrecord with one, v0.tfrecord with eight views, v1.tfrecord with four.
const std::string& Folder() {
  static const std::string* const folder = [] {
    const char* root = std::getenv("TEST_TMPDIR");
    if (root == nullptr) root = IsDirectory("/dev/shm") ? "/dev/shm" : "/tmp";
    auto* result = new std::string(absl::StrCat(root, "/cassle_folder_info_fuzzer_", getpid()));
    CASSLE_FUZZ_CHECK(MakeDirectories(*result).ok());
    WriteShard(JoinPath(*result, "i0.tfrecord"), 0, 2, ImagePayload);
    WriteShard(JoinPath(*result, "i1.tfrecord"), 2, 1, ImagePayload);
    WriteShard(JoinPath(*result, "v0.tfrecord"), 0, 8, ViewPayload);
    WriteShard(JoinPath(*result, "v1.tfrecord"), 8, 4, ViewPayload);
    // It lists no files, so their sizes are not what stops a mutant.
    Write(JoinPath(*result, kManifestName), "stage: \"fuzz\" fingerprint: \"00\"\n");
    std::atexit([] { RemoveAll(Folder()).IgnoreError(); });
    return result;
  }();
  return *folder;
}

// Files that are not there are the folder's fault too.
bool BlamesFolder(const absl::Status& status) {
  return BlamesInput(status) || (absl::IsNotFound(status) && !status.message().empty());
}

void CheckSplit(const std::string& split) {
  const auto reader = ImageRecordReader::Open(Folder(), split);
  CASSLE_FUZZ_CHECK(reader.ok() || BlamesFolder(reader.status()));
  v1::ImageRecord first;
  if (reader.ok() && (*reader)->size() > 0) {
    const absl::Status read = (*reader)->ReadAt(0, &first);
    CASSLE_FUZZ_CHECK(read.ok() || BlamesFolder(read));
  }
  const auto dataset = Dataset::Open(Folder(), split);
  CASSLE_FUZZ_CHECK(dataset.ok() || BlamesFolder(dataset.status()));
  if (!dataset.ok()) return;
  CASSLE_FUZZ_CHECK((*dataset)->size() >= 0);
  v1::ImageRecord record;
  RgbImage image;
  for (int64_t i = 0; i < (*dataset)->size() && i < 2 * kImages; ++i) {
    const absl::Status read = (*dataset)->ReadImage(i, &record, &image);
    CASSLE_FUZZ_CHECK(read.ok() || BlamesInput(read));
    CASSLE_FUZZ_CHECK(!read.ok() || record.id() == (*dataset)->first_id() + i);
  }
  CASSLE_FUZZ_CHECK(absl::IsInvalidArgument((*dataset)->ReadImage(-1, &record, &image)));
  CASSLE_FUZZ_CHECK(
      absl::IsInvalidArgument((*dataset)->ReadImage((*dataset)->size(), &record, &image)));
}

void CheckDataset(const std::string& text) {
  Write(JoinPath(Folder(), kDatasetInfoName), text);
  CheckSplit("");
  v1::DatasetInfo info;
  if (!ParseTextProto(text, "fuzz", &info).ok()) return;
  for (int s = 0; s < info.splits_size() && s < 4; ++s) CheckSplit(info.splits(s).name());
}

void CheckRecords() {
  const auto reader = RecordReader::Open(Folder(), /*sample=*/0);
  CASSLE_FUZZ_CHECK(reader.ok() || BlamesFolder(reader.status()));
  v1::ViewRecord record;
  int64_t number = 0;
  while (reader.ok()) {
    const auto more = (*reader)->Next(&record, &number);
    CASSLE_FUZZ_CHECK(more.ok() || BlamesFolder(more.status()));
    if (!more.ok() || !*more) return;
  }
}

void CheckViews(const std::string& text) {
  Write(JoinPath(Folder(), kViewsInfoName), text);
  CheckRecords();
  const auto views = RecordedViews::Open(Folder());
  CASSLE_FUZZ_CHECK(views.ok() || BlamesFolder(views.status()));
  if (!views.ok()) return;
  const v1::ViewsInfo& info = (*views)->info();
  v1::ViewRecord record;
  int64_t read = 0;
  for (int64_t epoch = 0; epoch < info.epochs(); ++epoch) {
    for (int64_t image = 0; image < info.num_images(); ++image) {
      for (uint32_t view = 0; view < info.views(); ++view, ++read) {
        const absl::Status status = (*views)->Read(epoch, image, static_cast<int>(view), &record);
        CASSLE_FUZZ_CHECK(status.ok() || BlamesInput(status));
      }
    }
  }
  CASSLE_FUZZ_CHECK(read > 0);
  CASSLE_FUZZ_CHECK(absl::IsInvalidArgument((*views)->Read(info.epochs(), 0, 0, &record)));
}

}  // namespace
}  // namespace cassle

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  cassle::CheckDataset(text);
  cassle::CheckViews(text);
  return 0;
}
