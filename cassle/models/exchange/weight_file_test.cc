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

TEST(WeightFileTest, AMissingPartIsNamedOnOneLine) {
  const std::string path = JoinPath(testing::TempDir(), "model.safetensors.index.json");
  ASSERT_OK(WriteFile(path, R"({"weight_map": {"w": "part\n.safetensors"}})"));
  EXPECT_THAT(ReadWeightFile(path),
              StatusIs(absl::StatusCode::kNotFound,
                       AllOf(HasSubstr("part\\x0A.safetensors is missing"), Not(HasSubstr("\n")))));
}

}  // namespace
}  // namespace cassle
