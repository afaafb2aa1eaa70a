#include "cassle/base/options.h"

#include "cassle/base/status_matchers.h"
#include "cassle/base/test_options.pb.h"
#include "cassle/base/text_proto.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

TEST(OptionSetterTest, SetsScalarsEnumsListsAndNestedFields) {
  v1::TestOptions options;
  OptionSetter setter(&options);
  ASSERT_OK(setter.Set("count", "5"));
  ASSERT_OK(setter.Set("color", "red"));
  ASSERT_OK(setter.Set("input", "a \"quoted\" path"));
  ASSERT_OK(setter.Set("optimizer.learning_rate", "1e-3"));
  ASSERT_OK(setter.Set("first.milestones", "1,2"));
  ASSERT_OK(setter.Set("second", "momentum: 0.5"));
  EXPECT_EQ(options.count(), 5);
  EXPECT_EQ(options.color(), v1::RED);
  EXPECT_EQ(options.input(), "a \"quoted\" path");
  EXPECT_EQ(options.optimizer().learning_rate(), 1e-3);
  EXPECT_EQ(options.second().momentum(), 0.5);
  EXPECT_FALSE(options.has_first());
}

TEST(OptionSetterTest, AListReplacesWhatWasThereAndThenAppends) {
  v1::TestOptions options;
  options.add_groups("from_config");
  OptionSetter setter(&options);
  ASSERT_OK(setter.Set("groups", "crop,color"));
  ASSERT_OK(setter.Set("groups", "blur"));
  EXPECT_THAT(options.groups(), ElementsAre("crop", "color", "blur"));
}

TEST(OptionSetterTest, AWordChoosesInAMessageAndKeepsTheRest) {
  v1::TestOptions options;
  OptionSetter setter(&options);
  ASSERT_OK(setter.Set("choice.depth", "4"));
  ASSERT_OK(setter.Set("choice", "red"));
  EXPECT_EQ(options.choice().color(), v1::RED);
  EXPECT_EQ(options.choice().depth(), 4);
  ASSERT_OK(setter.Set("chosen.plain.momentum", "0.5"));
  ASSERT_OK(setter.Set("chosen", "plain"));
  EXPECT_EQ(options.chosen().plain().momentum(), 0.5);
  ASSERT_OK(setter.Set("chosen", "colored"));
  EXPECT_TRUE(options.chosen().has_colored());
  EXPECT_THAT(setter.Set("chosen", "colord"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--chosen=colord: expected one of plain|colored")));
  EXPECT_THAT(
      setter.Set("choice", "blue"),
      StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--choice=blue: expected red|green")));
  EXPECT_THAT(OptionsHelp(*options.GetDescriptor()), HasSubstr("--chosen=plain|colored"));
}

TEST(OptionSetterTest, ErrorsNameTheSettingAndTheRemedy) {
  v1::TestOptions options;
  OptionSetter setter(&options);
  EXPECT_THAT(setter.Set("cuont", "5"), StatusIs(absl::StatusCode::kInvalidArgument,
                                                 HasSubstr("cuont; did you mean count?")));
  EXPECT_THAT(setter.Set("optimizer.learning_rat", "5"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("optimizer.learning_rate?")));
  EXPECT_THAT(setter.Set("count", "many"), StatusIs(absl::StatusCode::kInvalidArgument,
                                                    HasSubstr("--count=many: expected COUNT")));
  EXPECT_THAT(setter.Set("color", "blue"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected one of red|green")));
}

TEST(ApplyDefaultsTest, FillsWhatIsNotSetAndNothingElse) {
  v1::TestOptions options;
  options.set_count(0);
  options.mutable_second();
  ApplyDefaults(&options);
  EXPECT_EQ(options.count(), 0);
  EXPECT_EQ(options.color(), v1::GREEN);
  EXPECT_EQ(options.optimizer().learning_rate(), 0.03);
  EXPECT_EQ(options.second().learning_rate(), 0.03);
  EXPECT_FALSE(options.has_first());
}

TEST(CanonicalOptionsTest, LeavesPathsAndTuningOut) {
  v1::TestOptions options;
  options.set_input("/somewhere");
  options.set_output("/elsewhere");
  options.set_buffer(7);
  options.set_count(2);
  EXPECT_EQ(CanonicalOptions(options), "count: 2\n");
}

TEST(PathsOfRoleTest, ListsThemInFieldOrder) {
  v1::TestOptions options;
  options.set_input("a");
  options.add_more_inputs("b");
  options.add_more_inputs("c");
  EXPECT_THAT(PathsOfRole(options, v1::INPUT),
              ElementsAre(Pair("input", "a"), Pair("more_inputs", "b"), Pair("more_inputs", "c")));
}

TEST(OptionsHelpTest, ShowsNamesValuesDefaultsAndHelp) {
  const std::string help = OptionsHelp(*v1::TestOptions::descriptor());
  EXPECT_THAT(help, HasSubstr("--count=COUNT\n      How many.\n      Default: 3\n"));
  EXPECT_THAT(help, HasSubstr("--color=red|green\n"));
  EXPECT_THAT(help, HasSubstr("--optimizer.learning_rate=NUMBER"));
  EXPECT_THAT(help, Not(HasSubstr("unspecified")));
}

TEST(TextProtoTest, TyposAreNamedWithFileLineAndTheNearestField) {
  v1::TestOptions options;
  EXPECT_THAT(
      ParseTextProto("count: 3\noptimizer { learnin_rate: 1 }", "run.textproto", &options),
      StatusIs(absl::StatusCode::kInvalidArgument,
               ::testing::AllOf(HasSubstr("run.textproto:2:"), HasSubstr("learning_rate"))));
  EXPECT_THAT(ParseTextProto("count: \"x\"", "run.textproto", &options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("run.textproto:1:8")));
}

TEST(NearestWordTest, FindsNearWordsOnly) {
  EXPECT_EQ(NearestWord("treads", {"threads", "force"}), "threads");
  EXPECT_EQ(NearestWord("zzz", {"threads", "force"}), "");
}

}  // namespace
}  // namespace cassle
