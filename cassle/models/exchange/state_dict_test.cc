#include "cassle/models/exchange/state_dict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/exchange/pickle_reader.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

absl::StatusOr<WeightFile> Collect(const std::string& instructions) {
  absl::StatusOr<Pickle> pickle = Pickle::Read(absl::StrCat(instructions, "."));
  if (!pickle.ok()) return pickle.status();
  return CollectTensors(*pickle, {});
}

std::string Text(const std::string& text) {
  return absl::StrCat("U", std::string(1, static_cast<char>(text.size())), text);
}

// `levels` containers around a value, each holding the one below twice: instructions that open one
// and add to it what the memo holds.
std::string Doubled(int levels, const std::string& value, const std::string& open,
                    const std::string& first, const std::string& second) {
  std::string pickle = absl::StrCat(value, "q", std::string(1, '\0'));
  for (int level = 0; level < levels; ++level) {
    const std::string below = absl::StrCat("h", std::string(1, static_cast<char>(level)));
    absl::StrAppend(&pickle, open, first, below, second, below, open == "(" ? "t" : "u", "q",
                    std::string(1, static_cast<char>(level + 1)));
  }
  return pickle;
}

TEST(StateDictTest, ThirtyLevelsThatHoldTheOneBelowTwiceAreRefused) {
  const auto refused =
      StatusIs(absl::StatusCode::kDataLoss, AllOf(HasSubstr("unfold"), Not(HasSubstr("\n"))));
  for (const std::string& value : {std::string("}"), std::string("cmy\nType\n)R")}) {
    EXPECT_THAT(Collect(Doubled(30, value, "}(", Text("a"), Text("b"))), refused);
    EXPECT_THAT(Collect(Doubled(30, value, "(", "", "")), refused);
  }
  // Names grow as well where few values are looked at.
  EXPECT_THAT(Collect(Doubled(16, "cmy\nType\n)R", "}(", Text(std::string(100, 'a')),
                              Text(std::string(100, 'b')))),
              refused);
}

TEST(StateDictTest, ObjectsThatShareAStateAreNotSearchedWithoutEnd) {
  std::string state = "}(";
  for (int i = 0; i < 3000; ++i) absl::StrAppend(&state, "NN");
  std::string objects = absl::StrCat(state, "uq", std::string(1, '\0'), "](");
  for (int i = 0; i < 3000; ++i) {
    absl::StrAppend(&objects, "cm\nT\n)\x81h", std::string(1, '\0'), "b");
  }
  EXPECT_THAT(Collect(absl::StrCat(objects, "e")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("unfold")));
}

TEST(StateDictTest, AHundredThousandEntriesAreRead) {
  // Of the form of an optimizer's state: a few bytes each, and long names.
  std::string pickle =
      absl::StrCat("cmy\nType\nq", std::string(1, '\0'), Text("exp_avg"), "q\1}", Text("callbacks"),
                   "}", Text("optimizer.state.of.the.trainer"), "}(");
  for (int i = 0; i < 100000; ++i) {
    absl::StrAppend(&pickle, "I", i, "\n}h\1h", std::string(1, '\0'), ")Rs");
  }
  ASSERT_OK_AND_ASSIGN(const WeightFile file, Collect(absl::StrCat(pickle, "uss")));
  ASSERT_THAT(file.unread, SizeIs(100000));
  EXPECT_EQ(file.unread.back().name, "callbacks.optimizer.state.of.the.trainer.99999.exp_avg");
}

TEST(StateDictTest, AMillionNumbersInAListAreNoMatter) {
  EXPECT_OK(Collect(absl::StrCat("](", std::string(1000000, 'N'), "e")));
}

TEST(StateDictTest, NamesOfAnyBytesAreKeptOnOneLine) {
  ASSERT_OK_AND_ASSIGN(
      const WeightFile file,
      Collect(absl::StrCat("}", Text("two\nlines \xE9 caf\xC3\xA9"), "cmy\nType\n)Rs")));
  ASSERT_THAT(file.unread, SizeIs(1));
  EXPECT_EQ(file.unread[0].name, "two\\x0Alines \\xE9 caf\xC3\xA9");
}

TEST(StateDictTest, NamesOfNetworksAreKeptWithTheirKeys) {
  const std::string name_space =
      absl::StrCat("cargparse\nNamespace\n)\x81}", Text("arch"), Text("vit_small"), "sb");
  ASSERT_OK_AND_ASSIGN(
      const WeightFile file,
      Collect(absl::StrCat("}(", Text("arch"), Text("resnetblur18"), Text("args"), name_space,
                           Text("backbone"), "}", Text("name"), Text("resnet18"), "s",  //
                           Text("name"), Text("a run"), Text("epoch"), Text("arch"), "u")));
  std::vector<std::string> networks;
  for (const SaidNetwork& said : file.networks) networks.push_back(said.key + "=" + said.name);
  EXPECT_THAT(networks,
              ElementsAre("arch=resnetblur18", "args.arch=vit_small", "backbone.name=resnet18"));
}

TEST(PickleTest, NamesOfClassesDoNotGrowByThemselves) {
  // STACK_GLOBAL of two globals, each twice as long as the one before.
  std::string pickle = absl::StrCat("ca\nb\nq", std::string(1, '\0'));
  for (int i = 0; i < 40; ++i) {
    absl::StrAppend(&pickle, "h", std::string(1, '\0'), "h", std::string(1, '\0'), "\x93q",
                    std::string(1, '\0'));
  }
  EXPECT_THAT(Collect(pickle),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("a class has no name")));
}

TEST(PickleTest, ALongNameOfAClassIsNotCopiedWithoutEnd) {
  const std::string name(1 << 20, 'x');
  std::string pickle = absl::StrCat("cm\n", name, "\nq", std::string(1, '\0'), "](");
  for (int i = 0; i < 4000; ++i) absl::StrAppend(&pickle, "h", std::string(1, '\0'), ")R");
  EXPECT_THAT(Collect(absl::StrCat(pickle, "e")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("too many values")));
}

TEST(ElementTypeTest, ATensorWithoutElementsMayHaveAnyStrides) {
  const int64_t large = int64_t{1} << 40;
  EXPECT_EQ(RowMajor(ElementType::kF32, nullptr, {0, large, large}, {1, large, 1}), "");
}

}  // namespace
}  // namespace cassle
