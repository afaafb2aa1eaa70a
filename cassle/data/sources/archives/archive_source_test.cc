// Archives as people have them: samples beside their labels, and folders.
#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/sources/foreign_format.h"
#include "cassle/data/sources/source_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::StatusCode kBad = absl::StatusCode::kFailedPrecondition;
constexpr absl::StatusCode kDamaged = absl::StatusCode::kDataLoss;

using Members = std::vector<std::pair<std::string, std::string>>;

std::string Png(int i = 0) { return FlatPng(1, 1, 1, 1, static_cast<uint8_t>(i)); }

// Of an archive with those bytes.
SourceArguments Arguments(const std::string& bytes, const std::string& file = "photos.tar") {
  const std::string root =
      FreshFolder(::testing::UnitTest::GetInstance()->current_test_info()->name());
  PutFile(root + "/" + file, bytes);
  SourceArguments arguments;
  arguments.inputs = {{"", root + "/" + file}};
  return arguments;
}

// Reads it.
absl::StatusOr<SourceContent> ReadBytes(const std::string& bytes,
                                        const std::string& label_from = "",
                                        const std::string& image_from = "",
                                        const std::string& file = "photos.tar") {
  SourceArguments arguments = Arguments(bytes, file);
  arguments.label_from = label_from;
  arguments.image_from = image_from;
  return ReadSource(arguments);
}

absl::StatusOr<SourceContent> Read(const Members& members, const std::string& label_from = "",
                                   const std::string& image_from = "") {
  return ReadBytes(MakeTar(members), label_from, image_from);
}

// What libarchive writes: format "zip" or "pax"; a text that begins with > is a hard link to what
// follows, one that begins with @ a symbolic one.
std::string Pack(const std::string& format, const Members& members,
                 const std::string& password = "") {
  std::string out(1 << 20, '\0');
  size_t used = 0;
  struct archive* writer = archive_write_new();
  if (format == "zip") {
    archive_write_set_format_zip(writer);
  } else {
    archive_write_set_format_pax(writer);
  }
  archive_write_set_options(writer, "hdrcharset=BINARY");
  if (!password.empty()) {
    EXPECT_EQ(archive_write_set_options(writer, "zip:encryption=zipcrypt"), ARCHIVE_OK);
    archive_write_set_passphrase(writer, password.c_str());
  }
  EXPECT_EQ(archive_write_open_memory(writer, &out[0], out.size(), &used), ARCHIVE_OK);
  for (const auto& [name, text] : members) {
    struct archive_entry* entry = archive_entry_new();
    archive_entry_set_pathname(entry, name.c_str());
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0644);
    if (text[0] == '>') {
      archive_entry_set_hardlink(entry, text.c_str() + 1);
    } else if (text[0] == '@') {
      archive_entry_set_filetype(entry, AE_IFLNK);
      archive_entry_set_symlink(entry, text.c_str() + 1);
    } else {
      archive_entry_set_size(entry, text.size());
    }
    EXPECT_GE(archive_write_header(writer, entry), ARCHIVE_WARN) << archive_error_string(writer);
    if (text[0] != '>' && text[0] != '@') archive_write_data(writer, text.data(), text.size());
    archive_entry_free(entry);
  }
  EXPECT_EQ(archive_write_close(writer), ARCHIVE_OK);
  archive_write_free(writer);
  out.resize(used);
  return out;
}

TEST(ArchiveSourceTest, AFolderOfTarsIsRecognisedWithItsSplitsAndClasses) {
  const std::string root = FreshFolder("tars");
  const std::string png = FlatPng(2, 2, 1, 2, 3);
  PutFile(root + "/test.tar", MakeTar({{"1.png", png}, {"1.cls", "1"}}));
  PutFile(root + "/train-000.tar.gz", Gzip(MakeTar({{"./a/1.jpg", FlatJpeg(2, 2, 9, 9, 9)},
                                                    {"./a/1.cls", "0\n"},
                                                    {"b/1.json", "{}"},
                                                    {"b/2.cls", "cat"},
                                                    {"b/2.hue.cls", "3"},
                                                    {"b/2.png", png}})));
  PutFile(root + "/train-001.tar", MakeTar({{"7.png", png}, {"8.png", png}, {"8.cls", "-1"}}));
  PutFile(root + "/classes.txt", "dog\ncat\n");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_EQ(content.layout, "webdataset");
  EXPECT_THAT(content.splits, ElementsAre("train", "test"));
  EXPECT_THAT(content.info.classes(), ElementsAre("dog", "cat"));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/a/1.jpg=0", "train/b/2.png=1", "train/7.png=-", "train/8.png=-",
                          "test/1.png=1"));
  EXPECT_EQ(content.items[1].file, png);
  ASSERT_EQ(content.items[1].targets.size(), 1);
  EXPECT_EQ(content.items[1].targets[0].name(), "hue");
  EXPECT_EQ(content.items[1].targets[0].class_index(), 3);
  EXPECT_EQ(content.info.targets(0).name(), "hue");
}

TEST(ArchiveSourceTest, SamplesWithoutAnImageOrWithABadLabelAreQuarantined) {
  const std::string root = FreshFolder("odd_tar");
  const std::string png = FlatPng(1, 1, 1, 1, 1);
  PutFile(
      root + "/photos.tar",
      MakeTar({{"1.cls", "1"}, {"2.png", png}, {"2.cls", "fish"}, {"3.png", ""}, {"3.cls", "0"}}));
  PutFile(root + "/classes.txt", "dog\ncat\n");
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root + "/photos.tar"));
  ASSERT_EQ(content.items.size(), 3);
  EXPECT_THAT(content.items[0].problem, HasSubstr("no .jpg"));
  EXPECT_THAT(content.items[1].problem, HasSubstr("'fish' is not among"));
  EXPECT_THAT(content.items[2].problem, HasSubstr("0 bytes"));
}

TEST(ArchiveSourceTest, DamagedTarsAreNamed) {
  const std::string root = FreshFolder("bad_tar");
  const std::string tar = MakeTar({{"1.png", std::string(3000, 'x')}, {"1.cls", "1"}});
  PutFile(root + "/train.tar", tar.substr(0, 2000));
  EXPECT_THAT(ReadSource(root),
              StatusIs(kDamaged, AllOf(HasSubstr("train.tar"), HasSubstr("1.png"))));
  PutFile(root + "/train.tar", "");
  EXPECT_THAT(ReadSource(root),
              StatusIs(kDamaged, HasSubstr("train.tar is empty, 0 bytes: download or pack it")));
  PutFile(root + "/train.tar", std::string(2000, 'q'));
  EXPECT_THAT(ReadSource(root),
              StatusIs(kDamaged, HasSubstr("train.tar: not a readable tar or zip")));
  const std::string packed = Gzip(MakeTar({{"1.png", FlatPng(60, 60, 1, 2, 3)}}));
  PutFile(root + "/train.tar", packed.substr(0, packed.size() / 2));
  EXPECT_THAT(ReadSource(root), StatusIs(kDamaged, HasSubstr("train.tar")));
}

TEST(ArchiveSourceTest, UnnamedTarsAreTrainButNotBesideNamedOnes) {
  const std::string root = FreshFolder("mixed_tars");
  const std::string tar = MakeTar({{"1.png", FlatPng(1, 1, 1, 1, 1)}});
  PutFile(root + "/photos.tar", tar);
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/1.png=-"));
  PutFile(root + "/test.tar", tar);
  EXPECT_THAT(ReadSource(root), StatusIs(kBad, HasSubstr("not named after a split")));
  SourceArguments arguments;
  arguments.inputs = {{"train", root + "/photos.tar"}, {"test", root + "/test.tar"}};
  ASSERT_OK_AND_ASSIGN(const SourceContent named, ReadSource(arguments));
  EXPECT_THAT(named.splits, ElementsAre("train", "test"));
}

TEST(ArchiveSourceTest, AKeyMayHoldDots) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read({{"IMG.0000.png", Png()},
                                                          {"IMG.0000.cls", "0"},
                                                          {"IMG.0001.png", Png()},
                                                          {"IMG.0001.cls", "1"},
                                                          {"IMG.0001.fine.cls", "2"}}));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/IMG.0000.png=0", "train/IMG.0001.png=1"));
  EXPECT_EQ(content.items[1].targets.at(0).name(), "fine");
  EXPECT_EQ(content.items[1].targets.at(0).class_index(), 2);
  EXPECT_THAT(content.sentences, IsEmpty());
}

TEST(ArchiveSourceTest, MembersOfASampleMayStandApart) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       Read({{"0.png", Png()}, {"1.png", Png()}, {"0.cls", "1"}, {"1.cls", "0"}}));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/0.png=1", "train/1.png=0"));
}

TEST(ArchiveSourceTest, LabelsAreAFieldOfJsonAndThatIsSaid) {
  const Members members = {
      {"0.png", Png()}, {"0.json", R"({"label": 1, "class": "b", "deep": {"kind": "x"}})"},
      {"1.png", Png()}, {"1.json", R"({"label": 0, "class": "a", "deep": {"kind": "y"}})"},
      {"2.png", Png()}, {"2.json", R"({"label": null})"}};
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read(members));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/0.png=1", "train/1.png=0", "train/2.png=-"));
  EXPECT_THAT(content.sentences,
              ElementsAre(AllOf(HasSubstr("the field 'label' of .json, not class"),
                                HasSubstr("--label_from=json:FIELD")),
                          HasSubstr("1 images without a label (train/2.png)")));
  ASSERT_OK_AND_ASSIGN(const SourceContent asked, Read(members, "json:deep.kind"));
  EXPECT_THAT(asked.info.classes(), ElementsAre("x", "y"));
  EXPECT_THAT(KeysAndLabels(asked), ElementsAre("train/0.png=0", "train/1.png=1", "train/2.png=-"));
  ASSERT_OK_AND_ASSIGN(const SourceContent none, Read(members, "none"));
  EXPECT_THAT(KeysAndLabels(none), Contains("train/0.png=-"));
  EXPECT_THAT(none.sentences, ElementsAre(HasSubstr("3 members .json not read")));
  EXPECT_THAT(Read(members, "json:nowhere"),
              StatusIs(kBad, HasSubstr("--label_from=json:nowhere: no image")));
  ASSERT_OK_AND_ASSIGN(const SourceContent list,
                       Read({{"0.png", Png()}, {"0.json", R"({"label": [1, 2]})"}}));
  EXPECT_THAT(list.items[0].problem, HasSubstr("the field 'label' is a list"));
  ASSERT_OK_AND_ASSIGN(
      const SourceContent broken,
      Read({{"0.png", Png()}, {"0.json", R"({"label": 1})"}, {"1.png", Png()}, {"1.json", "{"}}));
  EXPECT_THAT(broken.items[1].problem, HasSubstr(".json is no JSON"));
}

TEST(ArchiveSourceTest, JsonAsPythonWritesItAndFieldsInAnyCaseAreRead) {
  ASSERT_OK_AND_ASSIGN(
      const SourceContent content,
      Read({{"0.png", Png()},
            {"0.json", R"({"score": NaN, "Label": "a\"NaN", "x": [-Infinity, Infinity]})"},
            {"1.png", Png()},
            {"1.json", R"({"label": NaN})"}}));
  EXPECT_THAT(content.info.classes(), ElementsAre("a\"NaN"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/0.png=0", "train/1.png=-"));
}

TEST(ArchiveSourceTest, WhereNoJsonIsSoundThatIsSaid) {
  const Members broken = {{"0.png", Png()},
                          {"0.json", R"({'label': 1})"},
                          {"1.png", Png()},
                          {"1.json", R"({"label": 1,})"}};
  EXPECT_THAT(Read(broken), StatusIs(absl::StatusCode::kFailedPrecondition,
                                     HasSubstr("0.json is no JSON, nor is any other")));
  Members one_sound = broken;
  one_sound[3].second = R"({"label": 1})";
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read(one_sound));
  EXPECT_EQ(KeysAndLabels(content)[1], "train/1.png=1");
  ASSERT_OK_AND_ASSIGN(const SourceContent unlabelled, Read(broken, "none"));
  EXPECT_THAT(KeysAndLabels(unlabelled), ElementsAre("train/0.png=-", "train/1.png=-"));
}

TEST(ArchiveSourceTest, JsonOfAnyDepthIsReadWithoutRecursion) {
  const std::string deep = std::string(200000, '[') + std::string(200000, ']');
  ASSERT_OK_AND_ASSIGN(
      const SourceContent content,
      Read({{"0.png", Png()}, {"0.json", absl::StrCat(R"({"label": 1, "x": )", deep, "}")}}));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/0.png=1"));
}

TEST(ArchiveSourceTest, AClassIsOneLine) {
  const Members members = {
      {"0.png", Png()}, {"0.cls", "1\n2\n"}, {"1.png", Png()}, {"1.cls", "1\r\n"}};
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read(members));
  EXPECT_THAT(content.items[0].problem, HasSubstr("0.cls has several lines, not one class"));
  EXPECT_EQ(content.items[1].problem, "");
}

TEST(ArchiveSourceTest, ALabelThatIsThereTwiceOrIsJsonWhereAClassStandsIsNamed) {
  ASSERT_OK_AND_ASSIGN(const SourceContent twice,
                       Read({{"0.png", Png()},
                             {"0.json", R"({"label": 1, "more": {"label": 2}})"},
                             {"1.png", Png()},
                             {"1.json", R"({"label": 1, "label": 2})"}}));
  EXPECT_EQ(twice.items[0].problem, "");
  EXPECT_THAT(twice.items[1].problem, HasSubstr("1.json has the field 'label' twice"));
  ASSERT_OK_AND_ASSIGN(
      const SourceContent json,
      Read({{"0.png", Png()}, {"0.cls", R"({"label": 1})"}, {"1.png", Png()}, {"1.cls", "{"}}));
  EXPECT_THAT(json.items[0].problem, HasSubstr("0.cls holds JSON, not one class"));
  EXPECT_EQ(json.items[1].problem, "");
}

TEST(ArchiveSourceTest, TextsAreClassesUnlessTheyReadLikeCaptions) {
  ASSERT_OK_AND_ASSIGN(const SourceContent classes, Read({{"0.png", Png()},
                                                          {"0.txt",
                                                           "\xef\xbb\xbf"
                                                           "dog\r\n"},
                                                          {"1.png", Png()},
                                                          {"1.txt", "cat"}}));
  EXPECT_THAT(KeysAndLabels(classes), ElementsAre("train/0.png=1", "train/1.png=0"));
  EXPECT_THAT(classes.sentences, ElementsAre(HasSubstr("labels are the texts of .txt")));
  const Members captions = {{"0.png", Png()},
                            {"0.txt", "a dog at the beach"},
                            {"1.png", Png()},
                            {"1.txt", "two cats and a rug"}};
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read(captions));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/0.png=-", "train/1.png=-"));
  EXPECT_THAT(content.sentences,
              ElementsAre(HasSubstr("taken for captions"), HasSubstr("2 members .txt not read")));
  ASSERT_OK_AND_ASSIGN(const SourceContent asked, Read(captions, "txt"));
  EXPECT_THAT(KeysAndLabels(asked), ElementsAre("train/0.png=0", "train/1.png=1"));
}

TEST(ArchiveSourceTest, FoldersInsideAreClassesAsOnDisk) {
  ASSERT_OK_AND_ASSIGN(
      const SourceContent content,
      Read({{"set/dog/0.png", Png()}, {"set/cat/1.png", Png()}, {"set/cat/deep/2.png", Png()}}));
  EXPECT_THAT(content.info.classes(), ElementsAre("cat", "dog"));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/dog/0.png=1", "train/cat/1.png=0", "train/cat/deep/2.png=0"));
  EXPECT_THAT(content.sentences, ElementsAre(HasSubstr("not those inside them (cat/deep/)"),
                                             HasSubstr("labels are the folders")));
  const Members mixed = {{"dog/0.png", Png()}, {"1.png", Png()}};
  EXPECT_THAT(Read(mixed), StatusIs(kBad, AllOf(HasSubstr("'1.png' lies in no folder"),
                                                HasSubstr("--label_from=folder"))));
  ASSERT_OK_AND_ASSIGN(const SourceContent none, Read(mixed, "none"));
  EXPECT_THAT(KeysAndLabels(none), ElementsAre("train/dog/0.png=-", "train/1.png=-"));
}

TEST(ArchiveSourceTest, FoldersOfSplitsInsideAreSplits) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read({{"d/train/cat/0.png", Png(1)},
                                                          {"d/test/dog/1.png", Png(2)},
                                                          {"d/train/dog/2.png", Png(3)},
                                                          {"d/valid/cat/3.png", Png(4)}}));
  EXPECT_THAT(content.splits, ElementsAre("train", "val", "test"));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/cat/0.png=0", "train/dog/2.png=1",
                                                  "val/cat/3.png=0", "test/dog/1.png=1"));
  EXPECT_EQ(content.items[3].file, Png(2));
}

TEST(ArchiveSourceTest, AFolderBesideSplitsIsAnErrorWithTheFlagsThatDecide) {
  const Members members = {{"d/train/a/0.png", Png()},
                           {"d/test/a/1.png", Png()},
                           {"d/extra/a/2.png", Png()},
                           {"d/extra/b/3.png", Png()}};
  EXPECT_THAT(Read(members),
              StatusIs(kBad, AllOf(HasSubstr("photos.tar: d/extra holds images"),
                                   HasSubstr("test/, train/"), HasSubstr("--leave_out=d/extra"),
                                   HasSubstr("photos.tar if all folders"))));
  SourceArguments arguments = Arguments(MakeTar(members));
  arguments.leave_out = std::make_shared<LeaveOut>(std::vector<std::string>{"d/extra"});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(arguments));
  EXPECT_THAT(content.splits, ElementsAre("train", "test"));
  EXPECT_THAT(content.items, SizeIs(2));
  EXPECT_THAT(content.sentences, Contains("1 files and folders left out as asked (d/extra)"));
  arguments = Arguments(MakeTar(members));
  arguments.inputs[0].split = "train";
  ASSERT_OK_AND_ASSIGN(const SourceContent classes, ReadSource(arguments));
  EXPECT_THAT(classes.info.classes(), ElementsAre("extra", "test", "train"));
}

TEST(ArchiveSourceTest, SplitsAndClassesAreToldApartAsOnDisk) {
  EXPECT_THAT(Read({{"seg_train/a/0.png", Png()}, {"seg_test/a/1.png", Png()}}),
              StatusIs(kBad, AllOf(HasSubstr("may be splits or classes"),
                                   HasSubstr("photos.tar if they are classes"))));
  EXPECT_THAT(Read({{"test/0.png", Png()}, {"cat/1.png", Png()}}),
              StatusIs(kBad, HasSubstr("cat holds images and lies beside the splits test/")));
  EXPECT_THAT(Read({{"val/a/0.png", Png()}, {"dev/a/1.png", Png()}, {"train/a/0.png", Png()}}),
              StatusIs(kBad, HasSubstr("is a second folder for the split 'val'")));
  EXPECT_THAT(Read({{"train/a/0.png", Png()}, {"test/a/1.png", Png()}, {"2.png", Png()}}),
              StatusIs(kBad, AllOf(HasSubstr("2.png lies beside the splits"),
                                   HasSubstr("--leave_out=2.png"))));
  ASSERT_OK_AND_ASSIGN(
      const SourceContent voc,
      Read({{"bus/0.png", Png()}, {"train/0.png", Png()}, {"tvmonitor/0.png", Png()}}));
  EXPECT_THAT(voc.info.classes(), ElementsAre("bus", "train", "tvmonitor"));
  EXPECT_THAT(voc.sentences, Contains(HasSubstr("train/ is taken as a class")));
}

TEST(ArchiveSourceTest, WhatIsToBeLeftOutMustBeThere) {
  const std::string tar = MakeTar({{"a/0.png", Png()}, {"b/0.png", Png()}, {"b/1.png", Png()}});
  SourceArguments arguments = Arguments(tar);
  arguments.leave_out = std::make_shared<LeaveOut>(std::vector<std::string>{"*/0.png", "c"});
  EXPECT_THAT(ReadSource(arguments),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--leave_out=c")));
  // Of a folder of archives also whole ones.
  PutFile(DirName(arguments.inputs[0].path) + "/old.tar", "x");
  arguments.inputs[0].path = DirName(arguments.inputs[0].path);
  arguments.tally = std::make_shared<Tally>();
  arguments.leave_out = std::make_shared<LeaveOut>(std::vector<std::string>{"old.tar", "a"});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(arguments));
  EXPECT_THAT(content.items, SizeIs(2));
  EXPECT_THAT(content.sentences, Contains(HasSubstr("2 files and folders left out")));
}

TEST(ArchiveSourceTest, NamesOfAnyBytesBecomeKeysThatTellThemApart) {
  const Members members = {
      {"cat/caf\xE9.png", Png(1)}, {"cat/caf\\xE9.png", Png(2)}, {"d\xF6g/0.png", Png(3)}};
  for (const std::string& bytes : {MakeTar(members), Pack("pax", members), Pack("zip", members)}) {
    ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadBytes(bytes));
    EXPECT_THAT(content.info.classes(), ElementsAre("cat", "d\\xF6g"));
    EXPECT_THAT(KeysAndLabels(content),
                ElementsAre("train/cat/caf\\xE9.png=0", "train/cat/caf\\x5CxE9.png=0",
                            "train/d\\xF6g/0.png=1"));
    EXPECT_EQ(content.items[1].file, Png(2));
    EXPECT_THAT(content.sentences, Contains(HasSubstr("3 names escaped")));
  }
  ASSERT_OK_AND_ASSIGN(const SourceContent sample, Read({{"caf\xE9.png", Png()},
                                                         {"caf\xE9.txt", "h\xFChner"},
                                                         {"1.png", Png()},
                                                         {"1.txt", "x"}}));
  EXPECT_THAT(sample.info.classes(), ElementsAre("h\\xFChner", "x"));
}

TEST(ArchiveSourceTest, TwoFormsOfOneNameAreOneClass) {
  ASSERT_OK_AND_ASSIGN(
      const SourceContent content,
      Read({{"caf\xC3\xA9/0.png", Png()}, {"dog/0.png", Png()}, {"cafe\xCC\x81/1.png", Png()}}));
  EXPECT_THAT(content.info.classes(), ElementsAre("caf\xC3\xA9", "dog"));
  EXPECT_EQ(content.items[2].label, 0);
  EXPECT_THAT(content.sentences, Contains(HasSubstr("1 classes joined")));
}

TEST(ArchiveSourceTest, NumbersAsClassFoldersAreOrderedAsAsked) {
  const std::string tar = MakeTar({{"1/0.png", Png()}, {"10/0.png", Png()}, {"2/0.png", Png()}});
  SourceArguments arguments = Arguments(tar);
  ASSERT_OK_AND_ASSIGN(const SourceContent bytes, ReadSource(arguments));
  EXPECT_THAT(bytes.info.classes(), ElementsAre("1", "10", "2"));
  EXPECT_THAT(bytes.sentences, Contains(HasSubstr("--class_order=natural")));
  arguments.class_order = v1::DatasetLayout::NATURAL;
  ASSERT_OK_AND_ASSIGN(const SourceContent natural, ReadSource(arguments));
  EXPECT_THAT(natural.info.classes(), ElementsAre("1", "2", "10"));
  EXPECT_THAT(KeysAndLabels(natural),
              ElementsAre("train/1/0.png=0", "train/10/0.png=2", "train/2/0.png=1"));
  PutFile(DirName(arguments.inputs[0].path) + "/classes.txt", "1\n2\n10\n");
  EXPECT_THAT(ReadSource(arguments),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("--class_order")));
}

TEST(ArchiveSourceTest, TheFirstReadingTellsHowFarItIsAndHearsAnInterruption) {
  const std::string tar = MakeTar({{"a/0.png", Png()}, {"b/0.png", std::string(1 << 20, 'x')}});
  for (const std::string& bytes : {tar, Gzip(tar)}) {
    SourceArguments arguments = Arguments(bytes);
    int64_t last = 0;
    arguments.reading = [&](int64_t done, int64_t total) {
      EXPECT_GE(done, last);
      EXPECT_EQ(total, static_cast<int64_t>(bytes.size()));
      last = done;
    };
    ASSERT_OK(ReadSource(arguments));
    EXPECT_GT(last, 0);
    arguments.reading = nullptr;
    // At every place at which it can be heard.
    for (int heard = 1;; ++heard) {
      int asked = 0;
      arguments.interrupted = [&] { return ++asked >= heard; };
      const auto content = ReadSource(arguments);
      if (content.ok()) break;
      EXPECT_THAT(content, StatusIs(absl::StatusCode::kCancelled, HasSubstr("photos.tar")));
    }
  }
}

TEST(ArchiveSourceTest, JoinedArchivesAreOne) {
  const std::string a = MakeTar({{"0.png", Png()}, {"0.cls", "0"}});
  const std::string b = MakeTar({{"1.png", Png()}, {"1.cls", "1"}});
  for (const std::string& bytes : {a + b, Gzip(a) + Gzip(b)}) {
    ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadBytes(bytes));
    EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/0.png=0", "train/1.png=1"));
  }
}

TEST(ArchiveSourceTest, AZipReadsAsATarDoesWithNamesOfAnyLanguage) {
  const Members members = {{"caf\xc3\xa9/0.png", Png()}, {"dog/1.png", Png()}};
  for (const char* format : {"zip", "pax"}) {
    ASSERT_OK_AND_ASSIGN(const SourceContent content,
                         ReadBytes(Pack(format, members), "", "", "photos.zip"));
    EXPECT_THAT(content.info.classes(), ElementsAre("caf\xc3\xa9", "dog"));
    EXPECT_EQ(content.items.size(), 2);
  }
}

TEST(ArchiveSourceTest, LinksAreWhatTheyLeadToAndBrokenOnesAreCounted) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content,
                       ReadBytes(Pack("pax", {{"train/a/0.png", Png(7)},
                                              {"train/b/1.png", Png(8)},
                                              {"test/a/2.png", ">train/a/0.png"},
                                              {"test/b/3.png", "@../../train/b/1.png"},
                                              {"test/b/4.png", "@/etc/passwd"},
                                              {"test/b/5.png", "@5.png"}})));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/a/0.png=0", "train/b/1.png=1",
                                                  "test/a/2.png=0", "test/b/3.png=1"));
  EXPECT_EQ(content.items[2].file, Png(7));
  EXPECT_EQ(content.items[3].file, Png(8));
  EXPECT_THAT(content.sentences, Contains("2 links in archives followed (test/a/2.png, ...)"));
  EXPECT_THAT(content.sentences,
              Contains("2 links that lead to no file of the archive (test/b/4.png, ...)"));
}

TEST(ArchiveSourceTest, ALinkToAFolderIsSaidToBeNone) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadBytes(Pack("pax", {{"real/a/0.png", Png()},
                                                                           {"real/b/1.png", Png()},
                                                                           {"latest", "@real"},
                                                                           {"gone", "@nowhere"}})));
  EXPECT_THAT(content.items, SizeIs(2));
  EXPECT_THAT(content.sentences,
              Contains("1 links to folders of the archive not followed: their files are read where "
                       "they lie (latest)"));
  EXPECT_THAT(content.sentences, Contains("1 links that lead to no file of the archive (gone)"));
}

TEST(ArchiveSourceTest, WhatNobodyReadsIsCountedAndNamed) {
  ASSERT_OK_AND_ASSIGN(const SourceContent content, Read({{"0.png", Png()},
                                                          {"0.cls", "0"},
                                                          {"._0.png", "x"},
                                                          {"0.xml", "x"},
                                                          {"README", "x"},
                                                          {"__MACOSX/0.png", "x"},
                                                          {"more.tar", "x"},
                                                          {"notes.txt", "x"}}));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/0.png=0"));
  EXPECT_THAT(content.sentences,
              ElementsAre("1 archives inside an archive not read, unpack them first (more.tar)",
                          "2 hidden files and leftovers of systems skipped (._0.png, ...)",
                          "1 members .txt beside no image not read (notes.txt)",
                          "1 members .xml not read (0.xml)",
                          "1 members without an extension not read (README)"));
}

TEST(ArchiveSourceTest, WhatLiesBesideTheArchivesIsCountedAndNamed) {
  const std::string root = FreshFolder("beside");
  PutFile(root + "/train.tar", MakeTar({{"a.png", FlatPng(1, 1, 1, 1, 1)}}));
  for (const char* name : {"classes.txt", "labels.csv", "more.rar", ".DS_Store", "more/val.tar"}) {
    PutFile(absl::StrCat(root, "/", name), "x");
  }
  SourceArguments arguments;
  arguments.inputs = {{"", root}};
  ASSERT_OK(ReadSource(arguments, v1::DatasetLayout::WEBDATASET).status());
  EXPECT_THAT(
      arguments.tally->Sentences(),
      ElementsAre(
          "3 files and folders that are not named as archives skipped: .csv 1, .rar 1, folder 1 "
          "(labels.csv, ...)",
          "1 hidden files and leftovers of systems skipped (.DS_Store)"));
  EXPECT_THAT(arguments.tally->label_files(), ElementsAre("labels.csv"));
}

TEST(ArchiveSourceTest, NamesThatLeadOutAreReadInside) {
  ASSERT_OK_AND_ASSIGN(
      const SourceContent content,
      Read({{"/a/0.png", Png()}, {"../b/1.png", Png()}, {"./c/../b/2.png", Png()}}));
  EXPECT_THAT(KeysAndLabels(content),
              ElementsAre("train/a/0.png=0", "train/b/1.png=1", "train/b/2.png=1"));
}

TEST(ArchiveSourceTest, ANameThatIsThereTwiceIsAnErrorThatNamesBoth) {
  EXPECT_THAT(Read({{"0.png", Png()}, {"1.png", Png()}, {"./0.png", Png()}}),
              StatusIs(kDamaged, HasSubstr("'0.png' is there twice, as members 1 and 3")));
  EXPECT_THAT(Read({{"0.png", Png()}, {"0.jpg", Png()}, {"0.cls", "1"}}),
              StatusIs(kBad, AllOf(HasSubstr("'0.png' and '0.jpg' are two images of one sample"),
                                   HasSubstr("--image_from=png"))));
  ASSERT_OK_AND_ASSIGN(
      const SourceContent left,
      Read({{"0.left.png", Png(1)}, {"0.right.png", Png(2)}, {"0.cls", "1"}}, "", "left.png"));
  EXPECT_THAT(KeysAndLabels(left), ElementsAre("train/0.left.png=1"));
  EXPECT_THAT(left.sentences, ElementsAre("1 members .png not read (0.right.png)"));
}

TEST(ArchiveSourceTest, AnArchiveWithoutImagesSaysWhatItHolds) {
  EXPECT_THAT(Read({{"a.tar", "x"}, {"b.tar", "x"}, {"c.xml", "x"}}),
              StatusIs(kBad, HasSubstr("there are no images; it holds 2 .tar, 1 .xml; unpack the "
                                       "archives inside it first (b.tar)")));
  EXPECT_THAT(Read({}), StatusIs(kBad, HasSubstr("it holds nothing")));
  EXPECT_THAT(Read({{"data_batch_1.bin", "x"}}),
              StatusIs(kBad, HasSubstr("it holds 1 .bin; if these hold images, unpack it and")));
}

TEST(ArchiveSourceTest, FormatsThatAreNotReadAreSpokenOf) {
  const std::string root = FreshFolder("foreign");
  PutFile(root + "/hub/data/train-00000-of-00001.parquet", "PAR1....");
  PutFile(root + "/photos.tar", "<!DOCTYPE html><html>404</html>");
  EXPECT_THAT(ReadSource(root + "/hub/data/train-00000-of-00001.parquet"),
              StatusIs(kBad, AllOf(HasSubstr(".parquet is Parquet"),
                                   HasSubstr("tools/parquet_to_webdataset.py"))));
  EXPECT_THAT(ReadSource(root + "/photos.tar"),
              StatusIs(kBad, HasSubstr("photos.tar is a web page")));
  PutFile(root + "/photos.tar", "\n <HTML><body>404</body></HTML>");
  EXPECT_THAT(ReadSource(root + "/photos.tar"),
              StatusIs(kBad, HasSubstr("photos.tar is a web page")));
}

TEST(ArchiveSourceTest, ArchivesOfClassesAndInFoldersOfSplitsAreSpokenOf) {
  const std::string root = FreshFolder("archives_of");
  for (const char* name : {"classes/n01.tar", "classes/n02.tar", "splits/train/0.tar"}) {
    PutFile(absl::StrCat(root, "/", name), MakeTar({{"0.png", Png()}}));
  }
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root + "/classes"));
  EXPECT_THAT(content.sentences,
              Contains(HasSubstr("if each archive is a class (n01.tar, n02.tar), unpack each")));
  EXPECT_THAT(
      ForeignFormatAdvice(root + "/splits"),
      HasSubstr("splits/train/0.tar is an archive in a folder of its own: give that folder"));
}

TEST(ArchiveSourceTest, TheEndingsOfOtherPackersAreThoseOfArchives) {
  const std::string root = FreshFolder("packers");
  for (const char* ending : {"tzst", "tar.zstd", "tar.lz4", "tbz", "tar.Z", "TAR.LZMA"}) {
    PutFile(absl::StrCat(root, "/", ending, "/train.", ending), MakeTar({{"0.png", Png()}}));
    ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(absl::StrCat(root, "/", ending)));
    EXPECT_EQ(content.layout, "webdataset") << ending;
  }
}

TEST(ArchiveSourceTest, AnArchiveBesideItselfInAnotherCompressionIsAnError) {
  const std::string root = FreshFolder("packed_twice");
  const std::string tar = MakeTar({{"a.png", Png()}, {"a.cls", "0"}});
  PutFile(root + "/train-0.tar", tar);
  PutFile(root + "/train-1.tgz", Gzip(MakeTar({{"b.png", Png()}, {"b.cls", "0"}})));
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadSource(root));
  EXPECT_THAT(content.items, SizeIs(2));
  for (const char* name : {"train-0.tar.gz", "train-0.tgz"}) {
    PutFile(JoinPath(root, name), Gzip(tar));
    EXPECT_THAT(ReadSource(root),
                StatusIs(kBad, AllOf(HasSubstr(JoinPath(root, name) + " has the name of "),
                                     HasSubstr(absl::StrCat("--leave_out=", name)))));
    SourceArguments arguments;
    arguments.inputs = {{"", root}};
    arguments.leave_out = std::make_shared<LeaveOut>(std::vector<std::string>{name});
    ASSERT_OK_AND_ASSIGN(const SourceContent left, ReadSource(arguments));
    EXPECT_EQ(KeysAndLabels(left), KeysAndLabels(content));
    ASSERT_OK(RemoveAll(JoinPath(root, name)));
  }
}

TEST(ArchiveSourceTest, AnOptionOfArchivesIsRefusedWhereItDoesNothing) {
  SourceArguments arguments;
  arguments.inputs = {{"", FreshFolder("no_archive")}};
  arguments.image_from = "png";
  EXPECT_THAT(ReadSource(arguments),
              StatusIs(absl::StatusCode::kInvalidArgument, HasSubstr("the layout is folder")));
}

TEST(ArchiveSourceTest, APasswordIsSpokenOf) {
  EXPECT_THAT(ReadBytes(Pack("zip", {{"a/0.png", Png()}}, "secret"), "", "", "photos.zip"),
              StatusIs(kDamaged, HasSubstr("'a/0.png' is protected by a password")));
}

TEST(ArchiveSourceTest, ATarWithoutItsEndMarkMayBeCutShortAndThatIsSaid) {
  const std::string whole = MakeTar({{"0.png", Png()}, {"1.png", Png()}});
  ASSERT_OK_AND_ASSIGN(const SourceContent content, ReadBytes(whole.substr(0, 1024)));
  EXPECT_THAT(KeysAndLabels(content), ElementsAre("train/0.png=-"));
  EXPECT_THAT(content.sentences, ElementsAre(HasSubstr("has no end mark")));
  EXPECT_THAT(ReadBytes(whole.substr(0, 1300)),
              StatusIs(kDamaged, HasSubstr("photos.tar: damaged or cut short behind '0.png'")));
}

}  // namespace
}  // namespace cassle
