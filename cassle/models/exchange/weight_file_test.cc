#include "cassle/models/exchange/weight_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string Safetensors(const std::string& header, const std::string& data) {
  const uint64_t size = header.size();
  return absl::StrCat(absl::string_view(reinterpret_cast<const char*>(&size), sizeof(size)), header,
                      data);
}

TEST(WeightFileTest, MessagesShowNamesOfSafetensorsOnOneLine) {
  for (const char* header : {
           R"({"a.\n\u001bb": 1})",
           R"({"a.\n\u001bb": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}})",
           R"({"a.\n\u001bb": {"dtype": "F32", "shape": [2], "data_offsets": [0, 99]}})",
           R"({"__metadata__": {"a.\n\u001bb": 1}})",
       }) {
    EXPECT_THAT(ParseForeignSafetensors("file", Safetensors(header, "0000")),
                StatusIs(absl::StatusCode::kDataLoss,
                         AllOf(HasSubstr("a.\\x0A\\x1Bb"), Not(HasSubstr("\n")))))
        << header;
  }
}

TEST(WeightFileTest, NamesOfTensorsAndTypesAreKeptEscaped) {
  ASSERT_OK_AND_ASSIGN(
      const WeightFile file,
      ParseForeignSafetensors(
          "file", Safetensors(R"({"caf\u00e9\n": {"dtype": "F32", "shape": [1], "data_offsets":)"
                              R"( [0, 4]}, "b": {"dtype": "F4\n", "shape": [], "data_offsets": )"
                              R"([0, 0]}})",
                              "0000")));
  ASSERT_EQ(file.arrays.size(), 1u);
  EXPECT_EQ(file.arrays[0].name, "caf\xC3\xA9\\x0A");
  ASSERT_EQ(file.unread.size(), 1u);
  EXPECT_EQ(file.unread[0].what, "a tensor of type F4\\x0A");
}

TEST(WeightFileTest, AFileWithoutTensorsSaysWhatItHolds) {
  const std::string path = JoinPath(testing::TempDir(), "none.safetensors");
  ASSERT_OK(WriteFile(
      path, Safetensors(R"({"a": {"dtype": "F4", "shape": [], "data_offsets": [0, 4]}})", "0000")));
  EXPECT_THAT(ReadWeightFile(path),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("it holds no tensors, but objects that are not read (1; a "
                                       "tensor of type F4 for one)"),
                             HasSubstr("save model.state_dict()"))));
}

TEST(WeightFileTest, AMissingPartIsNamedOnOneLine) {
  const std::string path = JoinPath(testing::TempDir(), "model.safetensors.index.json");
  ASSERT_OK(WriteFile(path, R"({"weight_map": {"w": "part\n.safetensors"}})"));
  EXPECT_THAT(ReadWeightFile(path),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("part\\x0A.safetensors is missing"), Not(HasSubstr("\n")))));
}

// A file of one tensor "NAME" of one float.
void WriteTensor(const std::string& path, const std::string& name) {
  ASSERT_OK(WriteFile(path, Safetensors(absl::StrCat("{\"", name,
                                                     "\": {\"dtype\": \"F32\", \"shape\": [1], "
                                                     "\"data_offsets\": [0, 4]}}"),
                                        "0000")));
}

TEST(WeightFileTest, PartsHoldWhatTheIndexSays) {
  const std::string folder = JoinPath(testing::TempDir(), "parts");
  ASSERT_OK(RemoveAll(folder));
  ASSERT_OK(MakeDirectories(folder));
  WriteTensor(JoinPath(folder, "1.safetensors"), "a");
  WriteTensor(JoinPath(folder, "2.safetensors"), "_orig_mod.b");
  const auto read = [&](const char* map) {
    const std::string path = JoinPath(folder, "model.safetensors.index.json");
    EXPECT_OK(WriteFile(path, absl::StrCat("{\"weight_map\": {", map, "}}")));
    return ReadWeightFile(path);
  };
  ASSERT_OK_AND_ASSIGN(const WeightFile whole,
                       read(R"("a": "1.safetensors", "_orig_mod.b": "2.safetensors")"));
  EXPECT_EQ(whole.arrays.size(), 2u);
  EXPECT_THAT(read(R"("a": "2.safetensors", "b": "1.safetensors")"),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("1.safetensors holds a"), HasSubstr("not list there"))));
  EXPECT_THAT(read(R"("a": "1.safetensors", "c": "1.safetensors", "b": "2.safetensors")"),
              StatusIs(absl::StatusCode::kDataLoss,
                       AllOf(HasSubstr("lists c in"), HasSubstr("does not hold it"))));
}

TEST(WeightFileTest, OtherFilesOfWeightsInAFolderAreThoseThatNoIndexLists) {
  const std::string folder = JoinPath(testing::TempDir(), "others");
  ASSERT_OK(RemoveAll(folder));
  ASSERT_OK(MakeDirectories(folder));
  const std::string index = JoinPath(folder, "model.safetensors.index.json");
  ASSERT_OK(WriteFile(index, R"({"weight_map": {"a": "part.safetensors"}})"));
  for (const char* name : {"part.safetensors", "pytorch_model.bin", "README.md"}) {
    ASSERT_OK(WriteFile(JoinPath(folder, name), ""));
  }
  EXPECT_THAT(OtherWeights(index), ElementsAre("pytorch_model.bin"));
}

}  // namespace
}  // namespace cassle
