// Every recipe of configs/datasets on a stand-in of the published layout: the same files and names,
// a few tiny images.
#include <matio.h>

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/base/text_proto.h"
#include "cassle/data/records/dataset.h"
#include "cassle/data/shard_encoder_stage.h"
#include "cassle/data/sources/source_testutil.h"
#include "cassle/stage/stage_main.h"
#include "gmock/gmock.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

using Options = v1::ShardEncoderOptions;

constexpr char kRecipes[] = "configs/datasets";

void PutImage(const std::string& path) { PutFile(path, FlatJpeg(10, 20, 10, 20, 30)); }

void PutNumbers(mat_t* file, const char* name, std::vector<size_t> dims, std::vector<double> values,
                enum matio_compression how) {
  matvar_t* variable =
      Mat_VarCreate(name, MAT_C_DOUBLE, MAT_T_DOUBLE, dims.size(), dims.data(), values.data(), 0);
  EXPECT_EQ(Mat_VarWrite(file, variable, how), 0);
  Mat_VarFree(variable);
}

matvar_t* Text(std::string text) {
  size_t dims[2] = {1, text.size()};
  return Mat_VarCreate(nullptr, MAT_C_CHAR, MAT_T_UTF8, 2, dims, text.data(), 0);
}

matvar_t* Number(uint8_t number) {
  size_t dims[2] = {1, 1};
  return Mat_VarCreate(nullptr, MAT_C_UINT8, MAT_T_UINT8, 2, dims, &number, 0);
}

void WithMat(const std::string& path, const std::function<void(mat_t*)>& fill) {
  ASSERT_OK(MakeDirectories(DirName(path)));
  mat_t* file = Mat_CreateVer(path.c_str(), nullptr, MAT_FT_MAT5);
  ASSERT_NE(file, nullptr);
  fill(file);
  Mat_Close(file);
}

// As in the devkit of Stanford Cars.
void PutAnnotations(const std::string& path,
                    const std::vector<std::pair<std::string, int>>& images) {
  WithMat(path, [&](mat_t* file) {
    const char* names[] = {"bbox_x1", "bbox_y1", "bbox_x2", "bbox_y2", "class", "fname"};
    size_t dims[2] = {1, images.size()};
    matvar_t* annotations = Mat_VarCreateStruct("annotations", 2, dims, names, 6);
    for (size_t i = 0; i < images.size(); ++i) {
      for (int side = 0; side < 4; ++side) {
        Mat_VarSetStructFieldByIndex(annotations, side, i, Number(side));
      }
      Mat_VarSetStructFieldByIndex(annotations, 4, i, Number(images[i].second));
      Mat_VarSetStructFieldByIndex(annotations, 5, i, Text(images[i].first));
    }
    EXPECT_EQ(Mat_VarWrite(file, annotations, MAT_COMPRESSION_ZLIB), 0);
    Mat_VarFree(annotations);
  });
}

// The stand-ins, one per recipe, fill a folder.

std::string CifarRecords(const std::vector<std::string>& labels) {
  std::string bytes;
  for (const std::string& label : labels) bytes += label + std::string(3072, 'x');
  return bytes;
}

void MakeCifar10(const std::string& root) {
  for (int batch = 1; batch <= 5; ++batch) {
    PutFile(absl::StrCat(root, "/data_batch_", batch, ".bin"),
            CifarRecords({std::string(1, '\0'), std::string(1, '\x01')}));
  }
  PutFile(root + "/test_batch.bin", CifarRecords({std::string(1, '\x01')}));
  PutFile(root + "/batches.meta.txt", "airplane\nautomobile\n");
}

void MakeCifar100(const std::string& root) {
  Options options;
  ASSERT_OK(ReadTextProto(JoinPath(kRecipes, "fc100.textproto"), &options));
  std::vector<std::string> names(options.only_classes().begin(), options.only_classes().end());
  while (names.size() < 100) names.push_back(absl::StrCat("other", names.size()));
  PutFile(root + "/fine_label_names.txt", absl::StrJoin(names, "\n"));
  PutFile(root + "/coarse_label_names.txt", "c0\nc1\n");
  // Fine label 3 (seal) and 50 (none of FC100's); 19 (woman) in test.
  PutFile(root + "/train.bin", CifarRecords({std::string("\0\x03", 2), std::string("\0\x32", 2)}));
  PutFile(root + "/test.bin", CifarRecords({std::string("\x01\x13", 2)}));
}

void MakeStl10(const std::string& root) {
  const std::string image(3 * 96 * 96, 'x');
  PutFile(root + "/train_X.bin", image);
  PutFile(root + "/train_y.bin", "\x01");
  PutFile(root + "/test_X.bin", image + image);
  PutFile(root + "/test_y.bin", "\x01\x02");
  PutFile(root + "/unlabeled_X.bin", image);
  PutFile(root + "/class_names.txt", "airplane\nbird\n");
}

void MakeFood101(const std::string& root) {
  PutFile(root + "/meta/train.txt", "apple_pie/1005649\nwaffles/7\n");
  PutFile(root + "/meta/test.txt", "waffles/8\n");
  for (const char* image : {"apple_pie/1005649", "waffles/7", "waffles/8"}) {
    PutImage(absl::StrCat(root, "/images/", image, ".jpg"));
  }
}

void MakeMit67(const std::string& root) {
  PutFile(root + "/TrainImages.txt", "gameroom/bt_132294gameroom2.jpg\nbar/my  bar.jpg");
  PutFile(root + "/TestImages.txt", "bar/b.jpg");
  for (const char* image : {"gameroom/bt_132294gameroom2.jpg", "bar/my  bar.jpg", "bar/b.jpg"}) {
    PutImage(absl::StrCat(root, "/Images/", image));
  }
}

void MakePets(const std::string& root) {
  PutFile(root + "/annotations/trainval.txt",
          "Abyssinian_100 1 1 1\nyorkshire_terrier_2 37 2 25\n");
  PutFile(root + "/annotations/test.txt", "Abyssinian_201 1 1 1\n");
  for (const char* image : {"Abyssinian_100", "yorkshire_terrier_2", "Abyssinian_201"}) {
    PutImage(absl::StrCat(root, "/images/", image, ".jpg"));
  }
}

void MakeFlowers102(const std::string& root) {
  WithMat(root + "/imagelabels.mat", [](mat_t* file) {
    PutNumbers(file, "labels", {1, 5}, {2, 1, 2, 3, 1}, MAT_COMPRESSION_NONE);
  });
  WithMat(root + "/setid.mat", [](mat_t* file) {
    PutNumbers(file, "trnid", {1, 2}, {2, 3}, MAT_COMPRESSION_ZLIB);
    PutNumbers(file, "valid", {1, 1}, {1}, MAT_COMPRESSION_NONE);
    PutNumbers(file, "tstid", {2, 1}, {5, 4}, MAT_COMPRESSION_NONE);
  });
  for (int i = 1; i <= 5; ++i) PutImage(absl::StrFormat("%s/jpg/image_%05d.jpg", root, i));
}

void MakeCaltech101(const std::string& root) {
  for (const char* name : {"accordion", "BACKGROUND_Google", "yin_yang"}) {
    for (int i = 1; i <= 32; ++i) {
      PutImage(absl::StrFormat("%s/%s/image_%04d.jpg", root, name, i));
    }
  }
}

void MakeCars(const std::string& root) {
  PutAnnotations(root + "/devkit/cars_train_annos.mat", {{"00001.jpg", 2}, {"00002.jpg", 1}});
  PutAnnotations(root + "/cars_test_annos_withlabels.mat", {{"00001.jpg", 1}});
  WithMat(root + "/devkit/cars_meta.mat", [](mat_t* file) {
    size_t dims[2] = {1, 2};
    matvar_t* names = Mat_VarCreate("class_names", MAT_C_CELL, MAT_T_CELL, 2, dims, nullptr, 0);
    Mat_VarSetCell(names, 0, Text("AM General Hummer SUV 2000"));
    Mat_VarSetCell(names, 1, Text("Acura RL Sedan 2012"));
    EXPECT_EQ(Mat_VarWrite(file, names, MAT_COMPRESSION_NONE), 0);
    Mat_VarFree(names);
  });
  for (const char* image : {"cars_train/00001", "cars_train/00002", "cars_test/00001"}) {
    PutImage(absl::StrCat(root, "/", image, ".jpg"));
  }
}

void MakeAircraft(const std::string& root) {
  PutFile(root + "/images_variant_train.txt", "1025794 707-320\n0034309 A340 of 2\n");
  PutFile(root + "/images_variant_val.txt", "0000001 707-320\n");
  PutFile(root + "/images_variant_test.txt", "0000002 707-320\n");
  for (const char* image : {"1025794", "0034309", "0000001", "0000002"}) {
    PutImage(absl::StrCat(root, "/images/", image, ".jpg"));
  }
}

void MakeDtd(const std::string& root) {
  for (const auto& [list, image] :
       {std::pair<const char*, const char*>{"train1", "banded/banded_0002.jpg"},
        {"val1", "woven/woven_0001.jpg"},
        {"test1", "woven/woven_0002.jpg"}}) {
    PutFile(absl::StrCat(root, "/labels/", list, ".txt"), absl::StrCat(image, "\n"));
    PutImage(absl::StrCat(root, "/images/", image));
  }
}

void MakeSun397(const std::string& root) {
  PutFile(root + "/Training_01.txt", "/a/abbey/sun_aaa.jpg\n/a/apartment_building/outdoor/s.jpg\n");
  PutFile(root + "/Testing_01.txt", "/a/abbey/sun_aab.jpg\n");
  for (const char* image :
       {"a/abbey/sun_aaa", "a/abbey/sun_aab", "a/apartment_building/outdoor/s"}) {
    PutImage(absl::StrCat(root, "/", image, ".jpg"));
  }
}

void MakeCub200(const std::string& root) {
  PutFile(root + "/images.txt",
          "1 001.Black_footed_Albatross/B_0046_18.jpg\n2 001.Black_footed_Albatross/B_9.jpg\n"
          "3 200.Common_Yellowthroat/C_1.jpg\n");
  PutFile(root + "/train_test_split.txt", "1 0\n2 1\n3 1\n");
  for (const char* image : {"001.Black_footed_Albatross/B_0046_18",
                            "001.Black_footed_Albatross/B_9", "200.Common_Yellowthroat/C_1"}) {
    PutImage(absl::StrCat(root, "/images/", image, ".jpg"));
  }
}

void MakeCelebA(const std::string& root) {
  PutFile(root + "/list_eval_partition.txt", "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n");
  std::string landmarks = "3\nlefteye_x lefteye_y righteye_x righteye_y nose_x nose_y a b c d\n";
  for (int i = 1; i <= 3; ++i) {
    absl::StrAppendFormat(&landmarks, "00000%d.jpg    5 109  10 113   7 142  73 152  10 5\n", i);
    PutImage(absl::StrFormat("%s/img_align_celeba/00000%d.jpg", root, i));
  }
  PutFile(root + "/list_landmarks_align_celeba.txt", landmarks);
}

void Make300w(const std::string& root) {
  std::string points = "version: 1\nn_points: 68\n{\n";
  for (int i = 0; i < 68; ++i) absl::StrAppend(&points, "5.0 2.5\n");
  for (int i = 0; i < 10; ++i) {
    const std::string name = absl::StrFormat(
        "%s/%s_%03d", root, i < 5 ? "01_Indoor/indoor" : "02_Outdoor/outdoor", i + 1);
    PutFile(name + ".png", FlatPng(10, 20, 1, 2, 3));
    PutFile(name + ".pts", points + "}\n");
  }
}

void MakeLsp(const std::string& root) {
  // x, y and visibility of 14 joints of 1,002 images; images of the same bytes.
  std::vector<double> joints;
  for (int i = 0; i < 1002 * 14; ++i) joints.insert(joints.end(), {10, 2.5, 1});
  WithMat(root + "/joints.mat", [&](mat_t* file) {
    PutNumbers(file, "joints", {3, 14, 1002}, joints, MAT_COMPRESSION_ZLIB);
  });
  for (int i = 1; i <= 1002; ++i) PutImage(absl::StrFormat("%s/images/im%04d.jpg", root, i));
}

void MakeImageNet(const std::string& root) {
  Options options;
  ASSERT_OK(ReadTextProto(JoinPath(kRecipes, "imagenet100.textproto"), &options));
  std::vector<std::string> names(options.only_classes().begin(), options.only_classes().end());
  names.push_back("n00000000");
  for (const std::string& name : names) {
    PutImage(absl::StrCat(root, "/train/", name, "/", name, "_1.JPEG"));
    PutImage(absl::StrCat(root, "/val/", name, "/ILSVRC2012_val_1.JPEG"));
  }
}

void MakePlantDisease(const std::string& root) {
  PutImage(root + "/train/Apple___Black_rot/a.JPG");
  PutImage(root + "/train/Tomato___healthy/a.JPG");
  PutImage(root + "/test/Apple___Black_rot/b.JPG");
}

struct Recipe {
  void (*make)(const std::string&);
  // "train=2,test=1" of the stand-in.
  std::vector<std::string> counts;
  std::string first_class;
  int num_classes;
};

const std::map<std::string, Recipe>& Recipes() {
  static const auto* const kTable = new std::map<std::string, Recipe>{
      {"cifar10", {MakeCifar10, {"train=10", "test=1"}, "airplane", 2}},
      {"cifar100", {MakeCifar100, {"train=2", "test=1"}, "beaver", 100}},
      {"fc100", {MakeCifar100, {"test=2"}, "beaver", 20}},
      {"stl10", {MakeStl10, {"train=1", "test=2", "unlabeled=1"}, "airplane", 2}},
      {"food101", {MakeFood101, {"train=2", "test=1"}, "apple_pie", 2}},
      {"mit67", {MakeMit67, {"train=2", "test=1"}, "bar", 2}},
      {"pets", {MakePets, {"train=2", "test=1"}, "Abyssinian", 2}},
      {"flowers102", {MakeFlowers102, {"train=2", "val=1", "test=2"}, "0", 3}},
      {"caltech101", {MakeCaltech101, {"train=50", "val=10", "test=4"}, "accordion", 2}},
      {"cars", {MakeCars, {"train=2", "test=1"}, "AM General Hummer SUV 2000", 2}},
      {"aircraft", {MakeAircraft, {"train=2", "val=1", "test=1"}, "707-320", 2}},
      {"dtd", {MakeDtd, {"train=1", "val=1", "test=1"}, "banded", 2}},
      {"sun397", {MakeSun397, {"train=2", "test=1"}, "/a/abbey", 2}},
      {"cub200", {MakeCub200, {"train=2", "test=1"}, "001.Black_footed_Albatross", 2}},
      {"imagenet100", {MakeImageNet, {"train=100", "test=100"}, "n01558993", 100}},
      {"celeba", {MakeCelebA, {"train=1", "val=1", "test=1"}, "", 0}},
      {"300w", {Make300w, {"train=3", "val=3", "test=4"}, "", 0}},
      {"lspose", {MakeLsp, {"train=1000", "test=2"}, "", 0}},
      {"plant_disease", {MakePlantDisease, {"test=3"}, "Apple___Black_rot", 2}},
  };
  return *kTable;
}

class DatasetRecipesTest : public ::testing::TestWithParam<std::string> {};

// The recipe on its stand-in; only what expect says is for the whole data set.
Options StandIn(const std::string& name) {
  const std::string root = FreshFolder(absl::StrCat("in_", name));
  Recipes().at(name).make(root);
  Options options;
  EXPECT_OK(ReadTextProto(absl::StrCat(kRecipes, "/", name, ".textproto"), &options));
  if (name == "imagenet100") {
    options.set_train(root + "/train");
    options.set_test(root + "/val");
  } else {
    options.set_input(root);
  }
  options.set_output(FreshFolder(absl::StrCat("out_", name)) + "/data");
  return options;
}

absl::StatusOr<StageOutcome> Encode(const Options& options) {
  return RunStage(ShardEncoderInfo(), options, {.threads = 2, .omit_costs = true}, RunShardEncoder);
}

TEST_P(DatasetRecipesTest, ReadsThePublishedLayout) {
  const Recipe& recipe = Recipes().at(GetParam());
  Options options = StandIn(GetParam());
  if (options.expect_size() > 0) {
    // A download that is not whole is noticed.
    const auto short_of_images = Encode(options);
    EXPECT_EQ(ExitCode(short_of_images.status()), 65) << short_of_images.status();
    EXPECT_THAT(std::string(short_of_images.status().message()), HasSubstr("were expected"));
  }
  options.clear_expect();
  for (const std::string& count : recipe.counts) options.add_expect(count);
  ASSERT_OK(Encode(options));
  ASSERT_OK_AND_ASSIGN(const auto dataset, Dataset::Open(options.output()));
  const v1::DatasetInfo& info = dataset->info();
  EXPECT_EQ(info.name(), GetParam());
  EXPECT_EQ(info.splits_size(), recipe.counts.size());
  EXPECT_EQ(info.classes_size(), recipe.num_classes);
  EXPECT_EQ(info.classes_size() > 0 ? info.classes(0) : "", recipe.first_class);
}

std::vector<std::string> Names() {
  std::vector<std::string> names;
  for (const auto& [name, recipe] : Recipes()) names.push_back(name);
  return names;
}

INSTANTIATE_TEST_SUITE_P(All, DatasetRecipesTest, ::testing::ValuesIn(Names()),
                         [](const auto& info) { return "Set" + info.param; });

TEST(RecipesTest, EveryRecipeHasAStandIn) {
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> files, ListDirectory(kRecipes));
  std::vector<std::string> found;
  for (const std::string& file : files) {
    if (file.find(".textproto") != std::string::npos) {
      found.push_back(file.substr(0, file.find('.')));
    }
  }
  EXPECT_EQ(found, Names());
}

// Labels and targets of the first record of a split.
v1::ImageRecord First(const Options& options, const std::string& split) {
  const auto dataset = Dataset::Open(options.output(), split);
  EXPECT_OK(dataset.status());
  v1::ImageRecord record;
  EXPECT_OK((*dataset)->Read(0, &record));
  return record;
}

TEST(RecipesTest, LabelsAndTargetsAreThoseOfTheLists) {
  std::map<std::string, Options> made;
  for (const char* name : {"flowers102", "cars", "pets", "celeba", "300w", "lspose", "fc100"}) {
    made[name] = StandIn(name);
    made[name].clear_expect();
    ASSERT_OK(Encode(made[name]));
  }
  // Image 2 has label 1 of 1..3.
  EXPECT_EQ(First(made["flowers102"], "train").label(), 0);
  EXPECT_EQ(First(made["flowers102"], "test").key(), "test/jpg/image_00005.jpg");
  EXPECT_EQ(First(made["cars"], "train").label(), 1);
  EXPECT_EQ(First(made["pets"], "train").label(), 0);
  // Woman is the last of FC100's classes, seal the fourth: train images come first.
  EXPECT_EQ(First(made["fc100"], "test").label(), 3);
  const auto values = [&](const std::string& name, const std::string& split) {
    const v1::ImageRecord record = First(made[name], split);
    EXPECT_EQ(record.targets_size(), 1);
    const auto& vector = record.targets(0).vector().values();
    return std::vector<float>(vector.begin(), vector.begin() + 2);
  };
  // x by the width of 20, y by the height of 10.
  EXPECT_THAT(values("celeba", "val"), ElementsAre(0.25f, 10.9f));
  EXPECT_THAT(values("300w", "test"), ElementsAre(0.25f, 0.25f));
  EXPECT_THAT(values("lspose", "test"), ElementsAre(0.5f, 0.25f));
}

void ExpectError(const Options& options, int exit_code, const std::vector<std::string>& words) {
  const absl::Status status = Encode(options).status();
  EXPECT_EQ(ExitCode(status), exit_code) << status;
  for (const std::string& word : words) {
    EXPECT_THAT(std::string(status.message()), HasSubstr(word));
  }
}

TEST(RecipesTest, AnInputThatIsOneFolderTooHighNamesTheOneThatWasMeant) {
  for (const char* name : {"caltech101", "dtd", "flowers102"}) {
    Options options = StandIn(name);
    const std::string above = FreshFolder(absl::StrCat("above_", name));
    ASSERT_OK(Rename(options.input(), above + "/inner"));
    options.set_input(above);
    ExpectError(options, std::string(name) == "caltech101" ? 65 : 66,
                {absl::StrCat("--input=", above, "/inner")});
  }
}

TEST(RecipesTest, CaltechIsReadWithHiddenFilesAndWithoutItsBackground) {
  Options options = StandIn("caltech101");
  options.clear_expect();
  options.add_expect("train=50");
  PutFile(options.input() + "/accordion/._image_0001.jpg", "x");
  ASSERT_OK(RemoveAll(options.input() + "/BACKGROUND_Google"));
  ASSERT_OK_AND_ASSIGN(const StageOutcome outcome, Encode(options));
  EXPECT_THAT(outcome.manifest.notes(),
              ElementsAre("1 classes to be left out that the input does not have "
                          "(BACKGROUND_Google)",
                          "1 hidden files and leftovers of systems skipped "
                          "(accordion/._image_0001.jpg)"));
  options.add_without_classes("acordion");
  options.set_output(options.output() + "2");
  ExpectError(options, 65, {"'acordion'; did you mean 'accordion'?"});
}

TEST(RecipesTest, ASplitListNamesImagesWithoutTheSplitThatWasDrawn) {
  Options options = StandIn("caltech101");
  options.clear_expect();
  const std::string list = FreshFolder("split_list") + "/list.txt";
  std::string lines;
  for (int i = 1; i <= 32; ++i) {
    lines += absl::StrFormat("accordion/image_%04d.jpg %s\n", i, i == 32 ? "test" : "train");
  }
  PutFile(list, lines);
  options.set_split_list(list);
  options.add_expect("train=56");
  options.add_expect("test=3");
  ASSERT_OK(Encode(options));
}

TEST(RecipesTest, PointsThatAreNoneNameTheirFile) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "it has 0 numbers, 136 are needed"},
      {"version: 1\nn_points: 1\n{\n1 nan\n}\n", "'nan' is no finite number"},
      {"version: 1\nn_points: 1\n{\n1 1e999\n}\n", "'1e999' is no finite number"},
      {"version: 1\nn_points: 1\n{\n1 2\n}\n", "it has 2 numbers"},
      {"version: 1\nn_points: 1\n{\n1 2", "the brace is not closed (cut short?)"},
  };
  for (const auto& [text, words] : cases) {
    const Options options = StandIn("300w");
    ASSERT_OK_AND_ASSIGN(const auto files, ListDirectory(options.input() + "/01_Indoor"));
    const std::string points = files.front().substr(0, files.front().find('.')) + ".pts";
    PutFile(options.input() + "/01_Indoor/" + points, text);
    ExpectError(options, 65, {points, words});
  }
}

TEST(RecipesTest, TheAdviceToLeaveImagesOutIsEnough) {
  Options options = StandIn("pets");
  options.clear_expect();
  options.add_expect("train=2");
  options.add_expect("test=1");
  PutFile(options.input() + "/images/Abyssinian_100.jpg", "x");
  ExpectError(options, 65, {"--max_bad_fraction=0.33", "--expect=train=1,test=1"});
  options.set_max_bad_fraction(0.34);
  ExpectError(options, 65, {"give --expect=train=1,test=1"});
  options.clear_expect();
  options.add_expect("train=1");
  options.add_expect("test=1");
  ASSERT_OK(Encode(options));
}

TEST(RecipesTest, AKeyOfASplitListThatNamesTwoImagesIsAnError) {
  Options options;
  const std::string root = FreshFolder("two_images");
  PutImage(root + "/train/a/0.jpg");
  PutImage(root + "/test/a/0.jpg");
  PutFile(FreshFolder("two_list") + "/list.txt", "a/0.jpg val\n");
  options.set_input(root);
  options.set_output(FreshFolder("two_out") + "/data");
  options.set_split_list(JoinPath(testing::TempDir(), "two_list/list.txt"));
  ExpectError(options, 65, {"'a/0.jpg' names two images, train/a/0.jpg and test/a/0.jpg"});
}

}  // namespace
}  // namespace cassle
