#include "cassle/models/exchange/torch_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <map>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/models/exchange/pickle_reader.h"
#include "cassle/models/exchange/torch_file_writer.h"
#include "cassle/models/exchange/weight_file.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::Pair;

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
  ASSERT_OK_AND_ASSIGN(const WeightFile file, ParseTorchFile(Fixture(GetParam())));
  const std::vector<WeightArray>& arrays = file.arrays;
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

// A file in the format before PyTorch 1.6 whose one storage holds the floats 1 and 2.
std::string WithStorage(const std::string& pickle) {
  const float values[] = {1, 2};
  const int64_t count = 2;
  return Legacy(
      absl::StrCat("\x80\x02", pickle, ".\x80\x02]U\1", "0a.",
                   absl::string_view(reinterpret_cast<const char*>(&count), sizeof(count)),
                   absl::string_view(reinterpret_cast<const char*>(values), sizeof(values))));
}
// Pickle instructions: a text, and the tensor [1, 2].
std::string Text(const std::string& text) {
  return absl::StrCat("U", std::string(1, static_cast<char>(text.size())), text);
}
std::string Tensor() {
  return absl::StrCat("ctorch._utils\n_rebuild_tensor_v2\n((", Text("storage"),
                      "ctorch\nFloatStorage\n", Text("0"), Text("cpu"), "K\2NtQ",
                      absl::string_view("K\0K\2\x85K\1\x85\x89", 9),
                      "ccollections\nOrderedDict\n)RtR");
}

std::vector<std::string> Names(const WeightFile& file) {
  std::vector<std::string> names;
  for (const WeightArray& array : file.arrays) names.push_back(array.name);
  return names;
}
std::vector<std::string> Unread(const WeightFile& file) {
  std::vector<std::string> unread;
  for (const UnreadValue& value : file.unread) {
    unread.push_back(absl::StrCat(value.name, " is ", value.what));
  }
  return unread;
}

TEST(TorchFileTest, ObjectsOfUnknownClassesAreLeftUnreadAndTheTensorsBesideThemRead) {
  struct Case {
    const char* what;
    std::string pickle;
    std::string unread;
  };
  const std::string number("I3\n");
  const Case cases[] = {
      {"argparse.Namespace", absl::StrCat("cargparse\nNamespace\n)\x81}", Text("lr"), number, "sb"),
       "argparse.Namespace"},
      {"an object by its class alone", "(ipathlib\nPosixPath\n", "pathlib.PosixPath"},
      {"an object of protocol 0", "(c__main__\nColor\nI1\no", "__main__.Color"},
      {"copyreg's", "ccopyreg\n_reconstructor\n(cmy\nType\nc__builtin__\nobject\nNtR", "my.Type"},
      {"the result of a function", "cnumpy.core.multiarray\nscalar\n(I1\nI2\ntR",
       "numpy.core.multiarray.scalar"},
      {"a method of a result", "cfunctools\npartial\n)R)R", "functools.partial"},
      {"a set", "\x8f(I1\nI2\n\x90", "set"},
      {"a frozenset", "(I1\n\x91", "frozenset"},
      {"an object with named arguments", "cmy\nType\n)}\x92", "my.Type"},
      {"an entry of the registry", absl::StrCat("\x82\1", ")R"), "copyreg.extension"},
      {"a large integer", absl::StrCat("\x8a\x09", std::string(9, '\1')), "an integer of 9 bytes"},
      // The classic, which is not called.
      {"os.system", absl::StrCat("cposix\nsystem\n", Text("id"), "\x85R"), "posix.system"},
      {"an unknown storage",
       absl::StrCat("(", Text("storage"), "cmy\nStorage\n", Text("9"), Text("cpu"), "K\2NtQ"),
       "my.Storage"},
      {"a foreign reference", absl::StrCat(Text("elsewhere"), "Q"),
       "a reference to something outside"},
      {"a buffer", "\x97\x98", "a buffer outside the pickle"},
  };
  for (const Case& object : cases) {
    SCOPED_TRACE(object.what);
    ASSERT_OK_AND_ASSIGN(const WeightFile file,
                         ParseTorchFile(WithStorage(absl::StrCat("}(", Text("args"), object.pickle,
                                                                 Text("w"), Tensor(), "u"))));
    EXPECT_THAT(Names(file), ElementsAre("w"));
    EXPECT_THAT(Values<float>(file.arrays[0]), ElementsAre(1, 2));
    EXPECT_THAT(Unread(file), ElementsAre(absl::StrCat("args is ", object.unread)));
  }
}

TEST(TorchFileTest, DictsOfEveryClassGiveTheirEntries) {
  const std::string entry = absl::StrCat(Text("w"), Tensor(), "s");
  for (const std::string& dict :
       {std::string("}"), std::string("ccollections\nOrderedDict\n)R"),
        std::string("ccollections\ndefaultdict\nc__builtin__\nlist\n\x85R"),
        std::string("ccollections\nCounter\n}\x85R"), std::string("(d"),
        std::string("cpytorch_lightning.utilities.parsing\nAttributeDict\n)\x81")}) {
    SCOPED_TRACE(dict);
    ASSERT_OK_AND_ASSIGN(
        const WeightFile file,
        ParseTorchFile(WithStorage(absl::StrCat("}", Text("model"), dict, entry, "s"))));
    EXPECT_THAT(Names(file), ElementsAre("model.w"));
  }
}

TEST(TorchFileTest, AModuleGivesItsParametersAndBuffersUnderTheNamesOfItsStateDict) {
  const std::string child = absl::StrCat(
      "ctorch.nn.modules.conv\nConv2d\n)\x81}(", Text("_parameters"), "}", Text("weight"), Tensor(),
      "s", Text("_buffers"), "}", Text("_modules"), "}", Text("stride"), "K\2K\2\x86", Text("eps"),
      "G\x3e\xe4\xf8\xb5\x88\xe3\x68\xf1", Text("bias"), "\x88ub");
  ASSERT_OK_AND_ASSIGN(
      const WeightFile file,
      ParseTorchFile(WithStorage(absl::StrCat(
          "cmy.models\nNet\n)\x81}(", Text("_parameters"), "}", Text("_buffers"), "}", Text("mean"),
          Tensor(), "s", Text("_modules"), "}", Text("conv1"), child, "sub"))));
  EXPECT_THAT(Names(file), ElementsAre("mean", "conv1.weight"));
  ASSERT_EQ(file.modules.size(), 2u);
  EXPECT_EQ(file.modules[0].what, "my.models.Net");
  EXPECT_EQ(file.modules[1].name, "conv1");
  EXPECT_THAT(file.modules[1].settings, ElementsAre(Pair("eps", "1e-05"), Pair("stride", "2,2")));
  EXPECT_THAT(file.unread, IsEmpty());
}

TEST(TorchFileTest, SubclassesAndParametersOfTensorsAreTensors) {
  // Behind the function: its arguments as a tuple, that is what Tensor() ends with, but the call.
  std::string arguments = Tensor();
  arguments.pop_back();
  arguments = arguments.substr(arguments.find('('));
  for (const std::string& wrapped :
       {absl::StrCat("ctorch._utils\n_rebuild_parameter\n(", Tensor(), "\x88}tR"),
        absl::StrCat("ctorch._utils\n_rebuild_parameter_with_state\n(", Tensor(), "\x88}}tR"),
        absl::StrCat("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_tensor_v2\n"
                     "cmy\nTensor\n",
                     arguments, "}tR")}) {
    ASSERT_OK_AND_ASSIGN(const WeightFile file,
                         ParseTorchFile(WithStorage(absl::StrCat("}", Text("w"), wrapped, "s"))));
    ASSERT_THAT(Names(file), ElementsAre("w"));
    EXPECT_THAT(Values<float>(file.arrays[0]), ElementsAre(1, 2));
  }
}

TEST(TorchFileTest, AnExpandedTensorIsWrittenOutButNotWithoutEnd) {
  const auto expanded = [](const std::string& count) {
    std::string tensor = Tensor();
    const std::string shape("K\2\x85K\1\x85", 6);
    tensor.replace(tensor.find(shape), shape.size(),
                   absl::StrCat(count, absl::string_view("\x85K\0\x85", 4)));
    return WithStorage(absl::StrCat("}", Text("w"), tensor, "s"));
  };
  ASSERT_OK_AND_ASSIGN(const WeightFile file, ParseTorchFile(expanded("K\5")));
  EXPECT_THAT(Values<float>(file.arrays[0]), ElementsAre(1, 1, 1, 1, 1));
  EXPECT_THAT(ParseTorchFile(expanded("J\xff\xff\xff\x7f")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("share one storage")));
}

TEST(TorchFileTest, AFileOfABigEndianMachineIsRefused) {
  std::string bytes = Legacy("");
  bytes.replace(bytes.find('\x88'), 1, "\x89");
  EXPECT_THAT(ParseTorchFile(absl::StrCat(bytes, "\x80\x02}.\x80\x02].")),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("big-endian")));
}

// 0x1950a86a20f9469cfc6c as pickle.dumps writes it.
TEST(TorchFileTest, TheFormatBefore1Point6IsReadInEveryProtocol) {
  const std::string number("\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", 13);
  const std::string file = WithStorage(absl::StrCat("}", Text("w"), Tensor(), "s"));
  const std::string rest = file.substr(file.find(number) + number.size());
  const std::string frame("\x95\x0d\0\0\0\0\0\0\0", 9);
  for (const std::string& beginning :
       {std::string("L119547037146038801333356L\n."), absl::StrCat("\x80\x02", number),
        absl::StrCat("\x80\x03", number), absl::StrCat("\x80\x04", frame, number),
        absl::StrCat("\x80\x05", frame, number)}) {
    SCOPED_TRACE(absl::CHexEscape(beginning));
    ASSERT_OK_AND_ASSIGN(const WeightFile read, ParseTorchFile(beginning + rest));
    EXPECT_THAT(Names(read), ElementsAre("w"));
  }
  for (const std::string& other :
       {std::string("L119547037146038801333357L\n."), std::string("I119547037\n."),
        absl::StrCat("\x80\x02\x8a\x0b", number.substr(2))}) {
    EXPECT_THAT(ParseTorchFile(other + rest),
                StatusIs(absl::StatusCode::kDataLoss, HasSubstr("neither what torch.save")));
  }
}

// As torch.serialization.set_crc32_options(False) leaves it.
TEST(TorchFileTest, WrongChecksumsOfAZipArchiveAreNamedWithTheirReason) {
  std::string bytes = Fixture("zip_protocol_2");
  const size_t directory = bytes.find("PK\x01\x02");
  bytes[directory + 16] = static_cast<char>(bytes[directory + 16] ^ 1);
  EXPECT_THAT(ParseTorchFile(bytes), StatusIs(absl::StatusCode::kDataLoss,
                                              AllOf(HasSubstr("the checksums of its zip archive"),
                                                    HasSubstr("set_crc32_options(False)"))));
}

TEST(TorchFileTest, WhatHoldsItselfOrIsVeryDeepIsNotReadAndTheRestIs) {
  std::string deep;
  for (int level = 0; level < 70; ++level) absl::StrAppend(&deep, "](");
  deep += std::string(70, 'e');
  // A dict in the memo under its own key; a list of itself; a module of itself.
  for (const auto& [log, what] : std::map<std::string, const char*>{
           {absl::StrCat("}q\1", Text("me"), "h\1s"), "log.me is a container that holds itself"},
           {"]q\1h\1a", "log.0 is a container that holds itself"},
           {absl::StrCat("cmy\nNet\n)\x81q\1}(", Text("_parameters"), "}", Text("_buffers"), "}",
                         Text("_modules"), "}", Text("me"), "h\1sub"),
            "log.me is a container that holds itself"},
           {deep, "is a container or tensor below more than 64 others"}}) {
    ASSERT_OK_AND_ASSIGN(const WeightFile file,
                         ParseTorchFile(WithStorage(
                             absl::StrCat("}(", Text("log"), log, Text("w"), Tensor(), "u"))));
    EXPECT_THAT(Names(file), ElementsAre("w"));
    EXPECT_THAT(Unread(file), ElementsAre(HasSubstr(what)));
  }
}

TEST(TorchFileTest, HugeCountsAndEndlessSharingAreRefused) {
  for (const char* name : {"huge_strides", "huge_count", "doubling"}) {
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
  for (const auto& [bytes, words] : std::map<std::string, const char*>{
           {"", "it is empty"},
           {"version https://git-lfs.github.com/spec/v1\noid sha256:0", "git lfs pull"},
           {"<!DOCTYPE html><html>", "web page"},
           {"\x1f\x8b\x08 compressed", "gunzip"},
           {"\x80\x04}.", "not one of torch.save"},
           {"{\"a\": 1}", "no index of weights"}}) {
    ASSERT_OK(WriteFile(path, bytes));
    EXPECT_THAT(ReadWeightFile(path), StatusIs(absl::StatusCode::kDataLoss,
                                               AllOf(HasSubstr("text.pth: "), HasSubstr(words))));
  }
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
  ASSERT_OK_AND_ASSIGN(const WeightFile file, ReadWeightFile(path));
  const std::vector<WeightArray>& read = file.arrays;
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
