#include "cassle/data/shard_cat_stage.h"

#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/images/codec.h"
#include "cassle/data/records/dataset_testutil.h"
#include "cassle/data/records/image_record.pb.h"
#include "cassle/data/records/tfrecord.h"
#include "cassle/data/records/view_record.pb.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

using ::testing::StartsWith;

constexpr absl::StatusCode kBad = absl::StatusCode::kDataLoss;

std::string FreshPath(const std::string& name) {
  const std::string path = JoinPath(testing::TempDir(), name);
  EXPECT_OK(RemoveAll(path));
  return path;
}

std::string MakeDataset(const std::string& name) {
  const std::string folder = FreshPath(name);
  EXPECT_OK(WriteShapesDataset(folder, 20, 7, 16));
  return folder;
}

// What the options (text format) print.
absl::StatusOr<std::string> Cat(const std::string& input, const std::string& options_text) {
  v1::ShardCatOptions options;
  CASSLE_RETURN_IF_ERROR(ParseTextProto(options_text, "test", &options));
  options.set_input(input);
  std::string out;
  CASSLE_RETURN_IF_ERROR(ShardCat(options, [&](absl::string_view text) {
    absl::StrAppend(&out, text);
    return absl::OkStatus();
  }));
  return out;
}

TEST(ShardCatTest, PrintsRecordsInTheOrderOfIdsWithTheirPixelsAbbreviated) {
  const std::string folder = MakeDataset("print");
  ASSERT_OK_AND_ASSIGN(const std::string text, Cat(folder, "limit: 1"));
  EXPECT_THAT(text, AllOf(StartsWith("# train-00000-of-00001.tfrecord record 0\n"),
                          HasSubstr("key: \"train/0\""), HasSubstr("encoded: \"<768 bytes>\"")));
  // The text parses as what it came from.
  v1::ImageRecord record;
  EXPECT_OK(ParseTextProto(text, "printed", &record));
  EXPECT_EQ(record.height(), 16);
  ASSERT_OK_AND_ASSIGN(const std::string full, Cat(folder, "limit: 1 bytes: true"));
  EXPECT_OK(ParseTextProto(full, "printed", &record));
  EXPECT_EQ(record.encoded().size(), 768);
  ASSERT_OK_AND_ASSIGN(const std::string json, Cat(folder, "split: \"test\" format: JSON"));
  EXPECT_EQ(std::count(json.begin(), json.end(), '\n'), 7);
  EXPECT_THAT(json, AllOf(StartsWith("{\"id\":\"20\""), HasSubstr("\"encoded\":\"<768 bytes>\"")));
}

TEST(ShardCatTest, ASplitIsNotThatWhoseNameBeginsAlike) {
  const std::string folder = MakeDataset("alike");
  for (const char* ending : {"", ".index"}) {
    ASSERT_OK(LinkOrCopy(absl::StrCat(folder, "/train-00000-of-00001.tfrecord", ending),
                         absl::StrCat(folder, "/test-hard-00000-of-00001.tfrecord", ending)));
  }
  EXPECT_EQ(Cat(folder, "split: 'test' count: true").value(), "7\n");
  EXPECT_EQ(Cat(folder, "split: 'test-hard' count: true").value(), "20\n");
}

TEST(ShardCatTest, CountsAndVerifies) {
  const std::string folder = MakeDataset("count");
  ASSERT_OK_AND_ASSIGN(const std::string count, Cat(folder, "count: true"));
  EXPECT_EQ(count, "27\n");
  ASSERT_OK_AND_ASSIGN(const std::string one,
                       Cat(JoinPath(folder, "test-00000-of-00001.tfrecord"), "count: true"));
  EXPECT_EQ(one, "7\n");
  ASSERT_OK_AND_ASSIGN(const std::string verified, Cat(folder, "verify: true"));
  EXPECT_THAT(verified, StartsWith("ok: 27 records in 2 shards, index, counts"));
}

TEST(ShardCatTest, VerifyFindsEveryKindOfDamage) {
  const std::string folder = MakeDataset("damage");
  const auto with_damage = [&](const std::string& file, auto change) {
    const std::string path = JoinPath(folder, file);
    const std::string good = ReadFile(path).value();
    std::string bytes = good;
    change(&bytes);
    EXPECT_OK(WriteFile(path, bytes));
    const absl::Status status = Cat(folder, "verify: true").status();
    EXPECT_OK(WriteFile(path, good));
    return status;
  };
  const std::string shard = "train-00000-of-00001.tfrecord";
  EXPECT_THAT(with_damage(shard, [](std::string* bytes) { (*bytes)[500] ^= 1; }),
              StatusIs(kBad, AllOf(HasSubstr(shard), HasSubstr("record 0 at byte 0"))));
  EXPECT_THAT(with_damage(shard, [](std::string* bytes) { bytes->pop_back(); }),
              StatusIs(kBad, AllOf(HasSubstr("record 19"), HasSubstr("ends early"))));
  EXPECT_THAT(with_damage(shard, [](std::string* bytes) { bytes->clear(); }),
              StatusIs(kBad, HasSubstr(shard)));
  EXPECT_THAT(with_damage(shard + ".index", [](std::string* bytes) { (*bytes)[8] ^= 1; }),
              StatusIs(kBad, HasSubstr(shard)));
  EXPECT_THAT(
      with_damage("dataset.textproto",
                  [](std::string* bytes) { bytes->replace(bytes->find("shapes"), 6, "sh@pes"); }),
      StatusIs(kBad, HasSubstr("dataset.textproto: its bytes are not those")));
  EXPECT_OK(Cat(folder, "verify: true"));
}

TEST(ShardCatTest, TakesAPictureOut) {
  const std::string folder = MakeDataset("extract");
  const std::string png = FreshPath("picture.png"), jpg = FreshPath("picture.jpg");
  ASSERT_OK(Cat(folder, absl::StrCat("extract: 22 to: \"", png, "\"")));
  ASSERT_OK(Cat(folder, absl::StrCat("extract: 22 to: \"", jpg, "\"")));
  for (const std::string& path : {png, jpg}) {
    ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(path));
    RgbImage image;
    ASSERT_OK(DecodeImage(bytes, &image));
    EXPECT_EQ(image.height, 16);
  }
  EXPECT_THAT(Cat(folder, absl::StrCat("extract: 27 to: \"", png, "\"")),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("there is no record 27")));
  EXPECT_THAT(Cat(folder, "extract: 1 to: \"x.gif\""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--to=x.gif")));
  EXPECT_THAT(Cat(folder, "extract: 1 to: \"/dev/full/x.png\""),
              StatusIs(absl::StatusCode::kResourceExhausted, HasSubstr("/dev/full")));
}

TEST(ShardCatTest, TellsViewRecordsFromImageRecords) {
  const std::string path = FreshPath("views.tfrecord");
  ASSERT_OK_AND_ASSIGN(auto writer, TfRecordWriter::Open(path));
  v1::ViewRecord view;
  view.set_image_id(17);
  view.set_epoch(2);
  view.set_source_height(40);
  view.set_source_width(50);
  view.set_size(8);
  view.mutable_crop()->set_height(20);
  view.mutable_color_jitter()->set_hue(0.25);
  view.set_pixel_format(v1::RAW_RGB8);
  view.set_pixels(std::string(192, 'x'));
  ASSERT_OK(writer->Append(view.SerializeAsString()));
  ASSERT_OK(writer->Close());
  ASSERT_OK_AND_ASSIGN(const std::string text, Cat(path, ""));
  EXPECT_THAT(text, AllOf(HasSubstr("image_id: 17"), HasSubstr("hue: 0.25"),
                          HasSubstr("pixels: \"<192 bytes>\"")));
  EXPECT_OK(Cat(path, absl::StrCat("extract: 0 to: \"", FreshPath("view.png"), "\"")));
  EXPECT_THAT(Cat(path, "type: IMAGE"), StatusIs(kBad, HasSubstr("record 0: not such a record")));
}

TEST(ShardCatTest, MissingInputAndClashingOptionsAreNamed) {
  EXPECT_THAT(Cat("/nowhere.tfrecord", ""),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("/nowhere.tfrecord")));
  const std::string empty = FreshPath("empty");
  ASSERT_OK(MakeDirectories(empty));
  EXPECT_THAT(Cat(empty, ""), StatusIs(absl::StatusCode::kNotFound, HasSubstr("no shards")));
  EXPECT_THAT(Cat("", ""),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--input is missing")));
  EXPECT_THAT(Cat(empty, "count: true verify: true"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("at most one")));
  EXPECT_THAT(Cat(empty, "extract: 1"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("go together")));
}

TEST(ShardCatTest, AFileThatIsNoShardIsNamed) {
  const std::string path = FreshPath("picture_file.tfrecord");
  ASSERT_OK(WriteFile(path, "\x89PNG and so on, for a while"));
  EXPECT_THAT(Cat(path, ""), StatusIs(kBad, AllOf(HasSubstr(path), HasSubstr("no TFRecord file"))));
}

}  // namespace
}  // namespace cassle
