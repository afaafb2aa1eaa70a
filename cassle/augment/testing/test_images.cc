#include "cassle/augment/testing/test_images.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "cassle/augment/augment_and_record_options.pb.h"
#include "cassle/base/file.h"
#include "cassle/base/philox.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/images/resample.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/records/tfrecord.h"
#include "cassle/stage/stage.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

// Splits the records over two shards.
absl::Status WriteDataset(const std::vector<v1::ImageRecord>& records, const std::string& folder) {
  v1::DatasetInfo info;
  info.set_name("test");
  v1::SplitInfo* split = info.add_splits();
  split->set_name("train");
  split->set_num_images(records.size());
  const size_t half = (records.size() + 1) / 2;
  for (int s = 0; s < 2; ++s) {
    const std::string name = ShardFileName("train", s, 2);
    const std::string path = JoinPath(folder, name);
    CASSLE_ASSIGN_OR_RETURN(auto writer, TfRecordWriter::Open(path));
    const size_t end = std::min(records.size(), (s + 1) * half);
    for (size_t i = s * half; i < end; ++i) {
      CASSLE_RETURN_IF_ERROR(writer->Append(records[i].SerializeAsString()));
    }
    CASSLE_RETURN_IF_ERROR(writer->Close());
    CASSLE_RETURN_IF_ERROR(WriteRecordIndex(path, writer->offsets()));
    v1::ShardInfo* shard = split->add_shards();
    shard->set_file(name);
    shard->set_num_records(writer->num_records());
    shard->set_size_bytes(writer->size_bytes());
  }
  return WriteFile(JoinPath(folder, kDatasetInfoName), PrintTextProto(info));
}

}  // namespace

std::vector<v1::ImageRecord> TestImageRecords(int count, uint64_t salt, uint64_t first_id) {
  std::vector<v1::ImageRecord> records(count);
  for (int i = 0; i < count; ++i) {
    Philox random(StreamKey{salt, RandomDomain::kTest, static_cast<uint64_t>(i), 0, 0});
    RgbImage noise, image;
    noise.Resize(5, 5);
    for (uint8_t& value : noise.pixels) value = static_cast<uint8_t>(random.Below(256));
    const int height = 24 + static_cast<int>(random.Below(32));
    const int width = 24 + static_cast<int>(random.Below(32));
    EXPECT_OK(Resample(noise, WholeImage(noise), height, width, Interpolation::kBicubic, &image));
    v1::ImageRecord& record = records[i];
    record.set_id(first_id + i);
    record.set_key(absl::StrCat("image ", i));
    record.set_format(i % 2 == 0 ? v1::PNG : v1::JPEG);
    absl::StatusOr<std::string> encoded = EncodeImage(image, record.format(), 90);
    EXPECT_OK(encoded);
    record.set_encoded(encoded.value_or(""));
    record.set_height(height);
    record.set_width(width);
    if (i % 7 != 6) record.set_label(i % 3);
  }
  return records;
}

std::string FreshPath(const std::string& name) {
  const std::string path = JoinPath(::testing::TempDir(), name);
  EXPECT_OK(RemoveAll(path));
  EXPECT_OK(RemoveAll(path + ".partial"));
  return path;
}

std::string MakeTestDataset(const std::string& name, const std::vector<v1::ImageRecord>& records) {
  v1::AugmentAndRecordOptions options;
  options.set_output(FreshPath(name));
  EXPECT_OK(RunStageWork({.name = "test-images", .version = 1, .summary = "", .resumable = false},
                         options, {},
                         [&records](const google::protobuf::Message&, StageContext& context) {
                           return WriteDataset(records, context.output_dir());
                         }));
  return options.output();
}

}  // namespace cassle
