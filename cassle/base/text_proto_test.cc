#include "cassle/base/text_proto.h"

#include <gmock/gmock.h>
#include <google/protobuf/descriptor.pb.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

#include "cassle/base/testing/status_matchers.h"

namespace cassle {
namespace {

// descriptor.proto has a field of every kind that matters here.
google::protobuf::MessageOptions Parse(const std::string& text) {
  google::protobuf::MessageOptions message;
  EXPECT_OK(ParseTextProto(text, "test", &message));
  return message;
}

TEST(PrintTextProtoTest, LettersStayLettersAndBytesAreEscaped) {
  google::protobuf::UninterpretedOption option;
  option.set_identifier_value("Zürich \"7\"");
  option.set_string_value("\xC3\xBC");
  const std::string text = PrintTextProto(option);
  EXPECT_EQ(text, "identifier_value: \"Zürich \\\"7\\\"\"\nstring_value: \"\\303\\274\"\n");
  google::protobuf::UninterpretedOption again;
  EXPECT_OK(ParseTextProto(text, "test", &again));
  EXPECT_EQ(again.SerializeAsString(), option.SerializeAsString());
}

TEST(ReadTextProtoTest, OptionsMayComeFromAPipe) {
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const std::string text = "deprecated: true\n";
  ASSERT_EQ(write(ends[1], text.data(), text.size()), static_cast<ssize_t>(text.size()));
  close(ends[1]);
  google::protobuf::MessageOptions message;
  EXPECT_OK(ReadTextProto("/dev/fd/" + std::to_string(ends[0]), &message));
  EXPECT_TRUE(message.deprecated());
  close(ends[0]);
}

TEST(ToJsonTest, Int64AreNumbersAndUint64Strings) {
  ASSERT_OK_AND_ASSIGN(const std::string json, ToJson(Parse(R"(
    uninterpreted_option { negative_int_value: -9223372036854775807 positive_int_value: 7 }
    uninterpreted_option { negative_int_value: 3 double_value: 0.5 })")));
  EXPECT_THAT(json, testing::HasSubstr("\"negative_int_value\":-9223372036854775807,"));
  EXPECT_THAT(json, testing::HasSubstr("\"positive_int_value\":\"7\","));
  EXPECT_THAT(json, testing::HasSubstr("\"negative_int_value\":3,"));
  EXPECT_THAT(json, testing::HasSubstr("\"double_value\":0.5"));
}

TEST(ToJsonTest, StringsStayWhatTheyAre) {
  ASSERT_OK_AND_ASSIGN(const std::string json, ToJson(Parse(R"(
    uninterpreted_option {
      identifier_value: '"negative_int_value":"12",{'
      name { name_part: "007" is_extension: true }
      name { name_part: "\\" is_extension: false }
      negative_int_value: 1
      aggregate_value: "8" })")));
  EXPECT_THAT(json, testing::HasSubstr(R"("identifier_value":"\"negative_int_value\":\"12\",{")"));
  EXPECT_THAT(json, testing::HasSubstr(R"("name_part":"007")"));
  EXPECT_THAT(json, testing::HasSubstr(R"("name_part":"\\")"));
  EXPECT_THAT(json, testing::HasSubstr(R"("negative_int_value":1,)"));
  EXPECT_THAT(json, testing::HasSubstr(R"("aggregate_value":"8")"));
}

TEST(NearestWordTest, FindsNearWordsOnly) {
  EXPECT_EQ(NearestWord("treads", {"threads", "force"}), "threads");
  EXPECT_EQ(NearestWord("zzz", {"threads", "force"}), "");
  EXPECT_EQ(NearestWord("net.arch", {"net.stem", "net.architecture"}), "net.architecture");
  EXPECT_EQ(NearestWord("net.arc", {"net.arch", "net.architecture"}), "net.arch");
  EXPECT_EQ(NearestWord("net.sten", {"net.stem", "net.stencil"}), "net.stem");
}

}  // namespace
}  // namespace cassle
