#include "cassle/stage/options.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/stage/test_options.pb.h"
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
  // Another setter, as for a --config and the flags after it: the later one counts.
  ASSERT_OK(OptionSetter(&options).Set("second", "momentum: 0.5"));
  EXPECT_EQ(options.count(), 5);
  EXPECT_EQ(options.color(), v1::RED);
  EXPECT_EQ(options.input(), "a \"quoted\" path");
  EXPECT_EQ(options.optimizer().learning_rate(), 1e-3);
  EXPECT_EQ(options.second().momentum(), 0.5);
  EXPECT_FALSE(options.has_first());
}

TEST(OptionSetterTest, ZerosInFrontMakeNoNumberOctal) {
  v1::TestOptions options;
  OptionSetter setter(&options);
  for (const auto& [text, number] :
       {std::pair("010", 10), {"008", 8}, {"-010", -10}, {"000", 0}, {"0", 0}, {"0x10", 16}}) {
    ASSERT_OK(setter.Set("count", text)) << text;
    EXPECT_EQ(options.count(), number) << text;
  }
  ASSERT_OK(setter.Set("rates", "00.5, 010,.25"));
  EXPECT_THAT(options.rates(), ElementsAre(0.5, 10, 0.25));
}

TEST(OptionSetterTest, AValueSetsItsOwnFieldOnly) {
  v1::TestOptions options;
  OptionSetter setter(&options);
  for (const auto& [path, value] : {std::pair("count", "5 buffer: 3"),
                                    {"count", "5\nbuffer: 3"},
                                    {"count", "5 # five"},
                                    {"count", "5,"},
                                    {"loud", "true buffer: 3"},
                                    {"rates", "1 buffer: 3"}}) {
    EXPECT_THAT(setter.Set(path, value),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(absl::StrCat("--", path, "=", value, ": expected "))));
  }
  EXPECT_EQ(options.buffer(), 0);
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
}

TEST(OptionSetterTest, AlternativesThatTwoFlagsChooseDifferentlyAreRefused) {
  v1::TestOptions options;
  OptionSetter setter(&options);
  ASSERT_OK(setter.Set("chosen", "plain"));
  ASSERT_OK(setter.Set("chosen.plain.momentum", "0.5"));
  EXPECT_THAT(
      setter.Set("chosen.colored.depth", "3"),
      StatusIs(absl::StatusCode::kInvalidArgument,
               HasSubstr("--chosen.colored.depth is of colored, but --chosen.plain.momentum chose "
                         "plain: give one of them")));
  EXPECT_EQ(options.chosen().plain().momentum(), 0.5);
  EXPECT_THAT(setter.Set("chosen", "colored"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("chose plain")));
}

TEST(OptionSetterTest, ErrorsNameTheSettingAndTheRemedy) {
  v1::TestOptions options;
  OptionSetter setter(&options);
  EXPECT_THAT(setter.Set("cuont", "5"), StatusIs(absl::StatusCode::kInvalidArgument,
                                                 HasSubstr("cuont; did you mean count?")));
  EXPECT_THAT(setter.Set("optimizer.learning_rat", "5"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("optimizer.learning_rate?")));
  EXPECT_THAT(setter.Set("count", "many"),
              StatusIs(absl::StatusCode::kInvalidArgument,
                       HasSubstr("--count=many: expected a whole number")));
  EXPECT_THAT(setter.Set("color", "blue"),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("expected one of red|green")));
  for (const char* list : {"crop,", ",crop", "crop,,blur", ","}) {
    EXPECT_THAT(setter.Set("groups", list),
                StatusIs(absl::StatusCode::kInvalidArgument,
                         HasSubstr(absl::StrCat("--groups=", list, ": nothing stands"))));
  }
}

TEST(OptionSetterTest, ANumberForAMessageOfNumbersIsRefusedWithTheFieldsThereAre) {
  v1::TestOptions options;
  for (const char* value : {"0.5", "1"}) {
    EXPECT_THAT(
        OptionSetter(&options).Set("optimizer", value),
        StatusIs(absl::StatusCode::kInvalidArgument,
                 HasSubstr(absl::StrCat("--optimizer=", value,
                                        ": name a field, as --optimizer.learning_rate=", value,
                                        "; there are learning_rate, momentum, "
                                        "milestones"))));
  }
}

TEST(RangeTextTest, ZeroThatMeansNotSetIsPartOfTheRange) {
  EXPECT_EQ(RangeText(*FindField(*v1::TestOptions::descriptor(), "choice.depth")), "1 to 64, or 0");
  v1::TestOptions options;
  options.mutable_choice()->set_depth(65);
  EXPECT_THAT(CheckRanges(options), StatusIs(absl::StatusCode::kInvalidArgument,
                                             HasSubstr("--choice.depth=65: expected 1 to 64, or "
                                                       "0")));
}

TEST(ApplyDefaultsTest, FillsWhatIsNotSetAndNothingElse) {
  v1::TestOptions options;
  options.set_count(0);
  options.mutable_second();
  ASSERT_OK(ApplyDefaults(&options));
  EXPECT_EQ(options.count(), 0);
  EXPECT_EQ(options.color(), v1::GREEN);
  EXPECT_EQ(options.optimizer().learning_rate(), 0.03);
  EXPECT_EQ(options.second().learning_rate(), 0.03);
  EXPECT_FALSE(options.has_first());
}

TEST(ApplyDefaultsTest, ADefaultThatDoesNotParseIsNoSecret) {
  v1::TestBrokenOptions options;
  EXPECT_THAT(ApplyDefaults(&options),
              StatusIs(absl::StatusCode::kInternal,
                       HasSubstr("cassle.v1.TestBrokenOptions.count: default --count=several")));
}

TEST(CheckRangesTest, NamesTheFlagTheValueAndTheRange) {
  const auto refused = [](const std::string& text, const std::string& message) {
    v1::TestOptions options;
    EXPECT_OK(ParseTextProto(text, "test", &options));
    EXPECT_THAT(CheckRanges(options), StatusIs(absl::StatusCode::kInvalidArgument, message));
  };
  refused("count: -1", "--count=-1: expected at least 0");
  refused("optimizer { momentum: 1 }", "--optimizer.momentum=1: expected at least 0 and below 1");
  refused("optimizer { momentum: nan }",
          "--optimizer.momentum=nan: expected at least 0 and below 1");
  refused("choice { depth: 65 }", "--choice.depth=65: expected 1 to 64, or 0");
  refused("rates: 1 rates: 0", "--rates=1,0: expected values, each above 0");
  refused("rates: inf", "--rates=inf: expected values, each above 0");
  refused("first { milestones: 3 milestones: 3 }",
          "--first.milestones=3,3: expected ascending values, each at least 1");
  refused("chosen { colored { depth: -2 } }", "--chosen.colored.depth=-2: expected 1 to 64, or 0");
  refused("choices { depth: 2 } choices { depth: 99 }",
          "--choices[1].depth=99: expected 1 to 64, or 0");
}

TEST(CheckRangesTest, JudgesWhatIsSetAndTheEndsThatBelongToTheRange) {
  v1::TestOptions options;
  EXPECT_OK(CheckRanges(options));
  ASSERT_OK(ApplyDefaults(&options));
  options.set_count(0);
  options.mutable_optimizer()->set_momentum(0);
  options.mutable_choice()->set_depth(64);
  options.mutable_choice()->set_color(v1::RED);
  options.add_rates(1e-300);
  EXPECT_OK(CheckRanges(options));
  options.mutable_choice()->set_depth(0);  // Not set: proto3 cannot tell them apart.
  EXPECT_OK(CheckRanges(options));
}

TEST(CheckRangesTest, NamesWhereTheMessageStands) {
  v1::TestChoice choice;
  choice.set_depth(65);
  EXPECT_THAT(CheckRanges(choice, "test.choice."),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--test.choice.depth=65:")));
}

TEST(CopyFieldsByNameTest, CopiesValuesAndAbsenceExactly) {
  v1::TestOptions options;
  options.set_input("stays behind");
  options.add_groups("a \"quoted\" group\n");
  options.set_color(v1::RED);
  options.mutable_optimizer()->set_learning_rate(0.1 + 0.2);
  options.add_rates(1.0 / 3);
  v1::TestPart part;
  part.set_own(7);
  part.set_count(5);
  part.add_rates(9);
  ASSERT_OK(CopyFieldsByName(options, {"own"}, &part));
  EXPECT_THAT(part.groups(), ElementsAre("a \"quoted\" group\n"));
  EXPECT_EQ(part.color(), v1::RED);
  EXPECT_FALSE(part.has_count());
  EXPECT_EQ(part.optimizer().learning_rate(), 0.1 + 0.2);
  EXPECT_THAT(part.rates(), ElementsAre(1.0 / 3));
  EXPECT_EQ(part.own(), 7);
}

TEST(CopyFieldsByNameTest, RefusesAFieldWithoutTwinAndAnExceptionThatHasOne) {
  v1::TestOptions options;
  v1::TestPart part;
  EXPECT_THAT(CopyFieldsByName(options, {}, &part),
              StatusIs(absl::StatusCode::kInternal,
                       "cassle.v1.TestPart.own has no twin in cassle.v1.TestOptions"));
  EXPECT_THAT(CopyFieldsByName(options, {"own", "count"}, &part),
              StatusIs(absl::StatusCode::kInternal,
                       "cassle.v1.TestPart.count has a twin in cassle.v1.TestOptions"));
  v1::TestStranger stranger;
  EXPECT_THAT(CopyFieldsByName(options, {}, &stranger),
              StatusIs(absl::StatusCode::kInternal,
                       "cassle.v1.TestStranger.count has no twin in cassle.v1.TestOptions"));
  options.set_count(3);
  EXPECT_OK(CopyFieldsByName(options, {"count"}, &stranger));
  EXPECT_EQ(stranger.count(), "");
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

TEST(CheckStreamsTest, StandardInputIsReadOnlyWhereAnnotated) {
  v1::TestOptions options;
  options.set_input("-");
  options.set_output("-");
  EXPECT_OK(CheckStreams(options));
  options.add_more_inputs("a");
  options.add_more_inputs("-");
  EXPECT_THAT(CheckStreams(options),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--more_inputs=-: ")));
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

}  // namespace
}  // namespace cassle
