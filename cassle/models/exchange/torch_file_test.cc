#include "cassle/models/exchange/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/exchange/pickle_reader.h"
#include "cassle/models/exchange/torch_file_writer.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Files that Python's torch.save wrote (torch 1.13.1), which are the fuzz target's seeds too.
std::string Fixture(const std::string& name) {
  return ReadFile(JoinPath("cassle/models/exchange/testdata/fuzz/torch_file_fuzzer", name)).value();
}

template <typename T>
std::vector<T> Values(const WeightArray& array) {
  std::vector<T> values(array.bytes.size() / sizeof(T));
  std::memcpy(values.data(), array.bytes.data(), array.bytes.size());
  return values;
}

std::map<std::string, WeightArray> ByName(const std::vector<WeightArray>& arrays) {
  std::map<std::string, WeightArray> map;
  for (const WeightArray& array : arrays) map[array.name] = array;
  return map;
}

class FixtureTest : public testing::TestWithParam<const char*> {};

TEST_P(FixtureTest, TensorsOfEveryTypeAndLayoutAreRead) {
  ASSERT_OK_AND_ASSIGN(const std::vector<WeightArray> arrays, ParseTorchFile(Fixture(GetParam())));
  std::map<std::string, WeightArray> read = ByName(arrays);
  EXPECT_EQ(read.size(), 10u);
  EXPECT_EQ(arrays[0].name, "backbone.conv1.weight");
  const WeightArray& plain = read["backbone.conv1.weight"];
  EXPECT_THAT(plain.shape, ElementsAre(3, 4));
  EXPECT_THAT(Values<float>(plain), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11));
  // A transposed view and a row of the same storage.
  EXPECT_THAT(read["backbone.t"].shape, ElementsAre(4, 3));
  EXPECT_THAT(Values<float>(read["backbone.t"]), ElementsAre(0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11));
  EXPECT_THAT(Values<float>(read["backbone.row"]), ElementsAre(4, 5, 6, 7));
  EXPECT_THAT(Values<float>(read["backbone.half"]), ElementsAre(1, 1, 1));
  EXPECT_THAT(Values<float>(read["backbone.bf"]), ElementsAre(1, 1));
  EXPECT_EQ(read["backbone.n"].dtype, DType::kI64);
  EXPECT_TRUE(read["backbone.n"].shape.empty());
  EXPECT_THAT(Values<int64_t>(read["backbone.n"]), ElementsAre(7));
  EXPECT_THAT(Values<int64_t>(read["backbone.b"]), ElementsAre(1, 0));
  EXPECT_THAT(Values<int64_t>(read["backbone.i8"]), ElementsAre(-1));
  EXPECT_THAT(read["backbone.p"].shape, ElementsAre(2, 2));
  EXPECT_THAT(read["backbone.empty"].shape, ElementsAre(0, 3));
}

TEST_P(FixtureTest, EveryTruncationIsRefusedInOneLine) {
  const std::string whole = Fixture(GetParam());
  for (size_t size = 0; size < whole.size(); ++size) {
    const auto arrays = ParseTorchFile(absl::string_view(whole).substr(0, size));
    ASSERT_THAT(arrays, StatusIs(absl::StatusCode::kDataLoss, Not(HasSubstr("\n")))) << size;
  }
}

TEST_P(FixtureTest, NoChangedByteDoesHarm) {
  std::string bytes = Fixture(GetParam());
  for (size_t i = 0; i < bytes.size(); ++i) {
    for (int change : {0x01, 0x80, 0xff}) {
      bytes[i] = static_cast<char>(bytes[i] ^ change);
      const auto arrays = ParseTorchFile(bytes);
      if (!arrays.ok()) {
        EXPECT_EQ(arrays.status().code(), absl::StatusCode::kDataLoss);
      }
      bytes[i] = static_cast<char>(bytes[i] ^ change);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Files, FixtureTest,
                         testing::Values("zip_protocol_2", "zip_protocol_4", "whole_legacy"));

// What the fuzz target puts before its inputs.
std::string Legacy(const std::string& rest) {
  const char beginning[] =
      "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.\x80\x02M\xe9\x03."
      "\x80\x02}X\x0d\0\0\0little_endian\x88s.";
  return std::string(beginning, sizeof(beginning) - 1) + rest;
}

TEST(TorchFileTest, WhatIsNoStateDictIsRefusedByName) {
  EXPECT_THAT(ParseTorchFile(Legacy(Fixture("refused_namespace"))),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("argparse.Namespace"), HasSubstr("state dict"))));
  // The classic: a call of os.system.
  EXPECT_THAT(ParseTorchFile(Legacy("\x80\x02"
                                    "cposix\nsystem\nX\x02\0\0\0id\x85R.")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("posix.system")));
}

TEST(TorchFileTest, HugeCountsAndCyclesAreRefused) {
  for (const char* name : {"huge_strides", "huge_count", "cycle", "self_dict", "doubling"}) {
    EXPECT_THAT(ParseTorchFile(Legacy(Fixture(name))),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("")))
        << name;
  }
}

TEST(TorchFileTest, OtherFilesAreRefused) {
  for (const char* text : {"", "hello", "PK\x03\x04 and nothing"}) {
    EXPECT_THAT(ParseTorchFile(text), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("")));
  }
  const std::string path = testing::TempDir() + "/text.pth";
  ASSERT_OK(WriteFile(path, "just a text that is long enough"));
  EXPECT_THAT(ReadWeightFile(path),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("text.pth"), HasSubstr("neither what torch.save"))));
  EXPECT_THAT(ReadWeightFile(path + ".missing"),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("")));
  EXPECT_THAT(ReadWeightFile(testing::TempDir()),
              StatusIs(absl::StatusCode::kNotFound, HasSubstr("")));
}

std::vector<WeightArray> SomeArrays() {
  const std::vector<float> values = {1.5f, -2, 3, 4, 5, 6};
  const int64_t count = 1234567890123;
  return {{"a.weight",
           DType::kF32,
           {2, 3},
           std::string(reinterpret_cast<const char*>(values.data()), 24)},
          {"a.counter", DType::kI64, {}, std::string(reinterpret_cast<const char*>(&count), 8)},
          {"none", DType::kF32, {0, 2}, ""},
          {"wide", DType::kF32, {70000}, std::string(280000, '\1')}};
}

TEST(TorchFileWriterTest, WhatIsWrittenIsReadBack) {
  const std::string path = testing::TempDir() + "/written.pth";
  ASSERT_OK(WriteTorchFile(path, SomeArrays()));
  ASSERT_OK_AND_ASSIGN(const std::vector<WeightArray> read, ReadWeightFile(path));
  const std::vector<WeightArray> arrays = SomeArrays();
  ASSERT_EQ(read.size(), arrays.size());
  for (size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(read[i].name, arrays[i].name);
    EXPECT_EQ(read[i].dtype, arrays[i].dtype);
    EXPECT_EQ(read[i].shape, arrays[i].shape);
    EXPECT_EQ(read[i].bytes, arrays[i].bytes);
  }
}

TEST(TorchFileWriterTest, RecordsAreAlignedStoredAndAlwaysTheSameBytes) {
  const std::string path = testing::TempDir() + "/aligned.pth";
  ASSERT_OK(WriteTorchFile(path, SomeArrays()));
  ASSERT_OK_AND_ASSIGN(const std::string bytes, ReadFile(path));
  ASSERT_OK(WriteTorchFile(path, SomeArrays()));
  ASSERT_OK_AND_ASSIGN(const std::string again, ReadFile(path));
  EXPECT_EQ(bytes, again);
  int records = 0;
  for (size_t at = bytes.find("PK\x03\x04"); at != std::string::npos;
       at = bytes.find("PK\x03\x04", at + 1)) {
    uint16_t method = 0, name = 0, extra = 0;
    std::memcpy(&method, &bytes[at + 8], 2);
    std::memcpy(&name, &bytes[at + 26], 2);
    std::memcpy(&extra, &bytes[at + 28], 2);
    EXPECT_EQ(method, 0);
    EXPECT_EQ((at + 30 + name + extra) % 64, 0u);
    ++records;
  }
  EXPECT_EQ(records, 6);  // data.pkl, four tensors, version
}

}  // namespace
}  // namespace cassle
