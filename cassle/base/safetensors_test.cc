#include "cassle/base/safetensors.h"

#include <cstring>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Temp(const std::string& name) { return JoinPath(::testing::TempDir(), name); }

std::string WithHeader(const std::string& json, const std::string& data) {
  const uint64_t size = json.size();
  std::string bytes(reinterpret_cast<const char*>(&size), sizeof(size));
  return bytes + json + data;
}

absl::Status OpenBytes(const std::string& bytes) {
  const std::string path = Temp("bytes.safetensors");
  CASSLE_RETURN_IF_ERROR(WriteFile(path, bytes));
  return SafetensorsFile::Open(path).status();
}

SafetensorsWriter SmallWriter() {
  SafetensorsWriter writer;
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  const std::vector<int64_t> labels = {7, -1};
  writer.Add<float>("b", DType::kF32, {2, 3}, values);
  writer.Add<int64_t>("a", DType::kI64, {2}, labels);
  writer.Add("c", DType::kU8, {0}, "");
  writer.SetMetadata("key", "value \"quoted\"");
  return writer;
}

TEST(SafetensorsTest, WhatIsWrittenIsRead) {
  const std::string path = Temp("round.safetensors");
  ASSERT_OK(SmallWriter().Write(path));
  ASSERT_OK_AND_ASSIGN(SafetensorsFile file, SafetensorsFile::Open(path));
  EXPECT_THAT(file.names(), ElementsAre("a", "b", "c"));
  ASSERT_OK_AND_ASSIGN(TensorView b, file.Get("b", DType::kF32, 2));
  EXPECT_THAT(b.shape, ElementsAre(2, 3));
  EXPECT_THAT(b.values<float>(), ElementsAre(1, 2, 3, 4, 5, 6));
  ASSERT_OK_AND_ASSIGN(TensorView a, file.Get("a", DType::kI64, 1));
  EXPECT_THAT(a.values<int64_t>(), ElementsAre(7, -1));
  EXPECT_EQ(file.Metadata("key"), "value \"quoted\"");
  EXPECT_EQ(file.Metadata("missing"), "");
}

TEST(SafetensorsTest, EqualContentGivesEqualBytesWhateverTheOrder) {
  SafetensorsWriter other;
  other.SetMetadata("key", "value \"quoted\"");
  other.Add("c", DType::kU8, {0}, "");
  other.Add<int64_t>("a", DType::kI64, {2}, std::vector<int64_t>{7, -1});
  other.Add<float>("b", DType::kF32, {2, 3}, std::vector<float>{1, 2, 3, 4, 5, 6});
  ASSERT_OK(SmallWriter().Write(Temp("one")));
  ASSERT_OK(other.Write(Temp("two")));
  EXPECT_EQ(ReadFile(Temp("one")).value(), ReadFile(Temp("two")).value());
}

TEST(SafetensorsTest, MissingTensorsAreNamedWithTheNearest) {
  const std::string path = Temp("nearest.safetensors");
  SafetensorsWriter writer;
  writer.Add<float>("features", DType::kF32, {1}, std::vector<float>{1});
  ASSERT_OK(writer.Write(path));
  ASSERT_OK_AND_ASSIGN(SafetensorsFile file, SafetensorsFile::Open(path));
  EXPECT_THAT(file.Get("feature"),
              StatusIs(absl::StatusCode::kDataLoss,
                       HasSubstr("no tensor \"feature\"; the nearest is \"features\"")));
  EXPECT_THAT(file.Get("features", DType::kI64, 1),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("is F32 [1], expected I64")));
}

TEST(SafetensorsTest, WriterRefusesWrongSizesAndDoubleNames) {
  SafetensorsWriter wrong;
  wrong.Add("x", DType::kF32, {3}, "1234");
  EXPECT_THAT(wrong.Write(Temp("x")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("\"x\"")));
  SafetensorsWriter twice;
  twice.Add("x", DType::kU8, {1}, "1");
  twice.Add("x", DType::kU8, {1}, "1");
  EXPECT_THAT(twice.Write(Temp("x")),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("twice")));
}

TEST(SafetensorsTest, EveryTruncationIsFound) {
  ASSERT_OK(SmallWriter().Write(Temp("whole")));
  const std::string whole = ReadFile(Temp("whole")).value();
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_THAT(OpenBytes(whole.substr(0, size)),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("bytes.safetensors")))
        << size;
  }
}

TEST(SafetensorsTest, EveryFlippedBitOfTheDataIsFound) {
  ASSERT_OK(SmallWriter().Write(Temp("whole")));
  const std::string whole = ReadFile(Temp("whole")).value();
  const size_t data = 2 * sizeof(int64_t) + 6 * sizeof(float);
  for (size_t bit = 0; bit < 8 * data; ++bit) {
    std::string flipped = whole;
    flipped[whole.size() - 1 - bit / 8] ^= 1 << bit % 8;
    EXPECT_THAT(OpenBytes(flipped), StatusIs(absl::StatusCode::kDataLoss, HasSubstr("checksum")))
        << bit;
    // What another program has written may name anything so.
    EXPECT_OK(SafetensorsFile::Parse("theirs", flipped, SafetensorsFile::Origin::kForeign));
  }
}

TEST(SafetensorsTest, HostileHeadersAreRefused) {
  const auto one = [](const std::string& entry) { return absl::StrCat("{\"x\":", entry, "}"); };
  for (const std::string& json : {
           std::string("[]"),
           std::string("{"),
           std::string("{\"__metadata__\":{\"a\":1}}"),
           one("1"),
           one("{\"dtype\":\"F32\",\"shape\":[1]}"),
           one("{\"dtype\":\"F99\",\"shape\":[1],\"data_offsets\":[0,4]}"),
           one("{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}"),
           one("{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}"),
           one("{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}"),
           one("{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,40]}"),
           one("{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[5,9]}"),
           one("{\"dtype\":\"F32\",\"shape\":[4611686018427387904,4],\"data_offsets\":[0,0]}"),
           one("{\"dtype\":\"F32\",\"shape\":[18446744073709551615],\"data_offsets\":[0,4]}"),
       }) {
    EXPECT_THAT(OpenBytes(WithHeader(json, "0123456789")),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("not a sound safetensors file")))
        << json;
  }
}

// A JSON parser would keep the last of two, and nobody would read the bytes.
TEST(SafetensorsTest, ANameTwiceAndBytesBehindTheLastTensorAreRefused) {
  const std::string a = R"("a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]})";
  EXPECT_OK(OpenBytes(WithHeader("{" + a + "}", "1")));
  EXPECT_THAT(OpenBytes(WithHeader("{" + a + ", " + a + "}", "1")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has \"a\" twice")));
  EXPECT_THAT(
      OpenBytes(WithHeader(
          R"({"a": {"dtype": "U8", "shape": [1], "shape": [1], "data_offsets": [0, 1]}})", "1")),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("has \"shape\" twice")));
  EXPECT_THAT(
      OpenBytes(WithHeader("{" + a + "}", "123")),
      StatusIs(absl::StatusCode::kDataLoss, HasSubstr("2 bytes lie behind its last tensor")));
}

// As the authors' reader does, of any type and origin.
TEST(SafetensorsTest, TensorsThatShareBytesOrLeaveSomeOutAreRefused) {
  const auto pair = [](const std::string& dtype, const std::string& a, const std::string& b) {
    return WithHeader(
        absl::StrCat(R"({"a": {"dtype": ")", dtype, R"(", "shape": [2], "data_offsets": )", a,
                     R"(}, "b": {"dtype": "U8", "shape": [2], "data_offsets": )", b, "}}"),
        "1234");
  };
  for (const std::string dtype : {"U8", "F8_E4M3"}) {
    const auto parse = [&](const std::string& a, const std::string& b) {
      return SafetensorsFile::Parse("file", pair(dtype, a, b), SafetensorsFile::Origin::kForeign)
          .status();
    };
    EXPECT_OK(parse("[0, 2]", "[2, 4]"));
    EXPECT_OK(parse("[2, 4]", "[0, 2]"));
    EXPECT_THAT(parse("[2, 4]", "[2, 4]"),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("2 bytes before tensor \"a\"")));
    EXPECT_THAT(
        parse("[0, 2]", "[1, 3]"),
        StatusIs(absl::StatusCode::kDataLoss, HasSubstr("tensors \"a\" and \"b\" share bytes")));
    EXPECT_THAT(parse("[0, 2]", "[0, 2]"),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("share bytes")));
  }
}

TEST(SafetensorsTest, AHugeHeaderLengthIsRefusedWithoutAllocating) {
  std::string bytes(16, '\xff');
  EXPECT_THAT(OpenBytes(bytes),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("length is wrong")));
}

}  // namespace
}  // namespace cassle
