// Options that not every layout takes.
#include "cassle/data/sources/sources.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/sources/foreign_format.h"
#include "cassle/data/sources/source_testutil.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using v1::DatasetLayout;

// Sets one option.
using Set = std::function<void(SourceArguments*)>;

TEST(SourcesTest, AnOptionThatALayoutDoesNotTakeIsRefused) {
  const std::vector<std::pair<std::string, Set>> options = {
      {"--classes", [](SourceArguments* a) { a->classes = {"cat"}; }},
      {"--class_order", [](SourceArguments* a) { a->class_order = DatasetLayout::NATURAL; }},
      {"--leave_out",
       [](SourceArguments* a) {
         a->leave_out = std::make_shared<LeaveOut>(std::vector<std::string>{"*"});
       }},
      {"--label_from", [](SourceArguments* a) { a->label_from = "none"; }},
      {"--image_from", [](SourceArguments* a) { a->image_from = "png"; }},
      {"--image_root", [](SourceArguments* a) { a->image_root = "."; }},
      {"--lists", [](SourceArguments* a) { a->lists.add_images(); }},
      {"--shapes", [](SourceArguments* a) { a->shapes.set_num_train(3); }},
  };
  const std::vector<std::pair<DatasetLayout::Source, std::string>> takers = {
      {DatasetLayout::CIFAR10, "--classes"},
      {DatasetLayout::CIFAR100, "--classes"},
      {DatasetLayout::STL10, "--classes"},
      {DatasetLayout::IDX, "--classes"},
      {DatasetLayout::WEBDATASET, "--classes --class_order --leave_out --label_from --image_from"},
      {DatasetLayout::CSV,
       "--classes --class_order --leave_out --label_from --image_from --image_root"},
      {DatasetLayout::FOLDER, "--classes --class_order --leave_out --label_from"},
      {DatasetLayout::LIST, "--classes --class_order --leave_out --lists"},
      {DatasetLayout::SHAPES, "--shapes"},
  };
  const std::string root = FreshFolder("options");
  for (const auto& [source, taken] : takers) {
    for (const auto& [flag, set] : options) {
      SourceArguments arguments;
      if (source != DatasetLayout::SHAPES) arguments.inputs = {{"", root}};
      set(&arguments);
      std::string layout;
      const auto opened = OpenSource(source, arguments, &layout);
      const bool refused = absl::StrContains(opened.status().message(), flag + " is for ");
      EXPECT_EQ(refused, !absl::StrContains(taken, flag)) << layout << " " << opened.status();
      if (!refused) continue;
      EXPECT_TRUE(absl::IsInvalidArgument(opened.status())) << opened.status();
    }
  }
}

TEST(SourcesTest, OneWordOfANameIsTheSplitItSays) {
  const std::pair<const char*, const char*> names[] = {{"train", "train"},
                                                       {"imagenet-val-000.tar", "val"},
                                                       {"cc_test_0", "test"},
                                                       {"x.Train.tar", "train"},
                                                       {"val2017", "val"},
                                                       {"trainA", "train"},
                                                       {"MyTestSet.csv", "test"},
                                                       {"trainset", "train"},
                                                       {"t10k-images-idx3-ubyte", "test"},
                                                       {"train_training", "train"},
                                                       {"Training Set (1)", "train"},
                                                       {"seg_TEST", "test"},
                                                       {"train-test", ""},
                                                       {"trainval", ""},
                                                       {"training4", "train"},
                                                       {"constraint", ""},
                                                       {"latest.tar", ""},
                                                       {"", ""}};
  for (const auto& [name, split] : names) EXPECT_EQ(SplitInName(name), split) << name;
  EXPECT_THAT(SplitsInName("test_train-val.csv"), ::testing::ElementsAre("test", "train", "val"));
}

TEST(SourcesTest, FormatsInFoldersAreSpokenOf) {
  const std::pair<const char*, const char*> files[] = {
      {"MNIST/raw/train-images-idx3-ubyte", "is IDX, the format of MNIST: give the folder"},
      {"cifar-10-batches-py/batches.meta", "download the binary version"},
      {"cifar-100-python/test", "download the binary version"},
      {"train/data-00000-of-00001.arrow", "is an Arrow file"},
      {"cat/0.png.gz", "is a compressed image: unpack such files first"}};
  for (const auto& [name, advice] : files) {
    const std::string root = FreshFolder("foreign");
    PutFile(root + "/" + name, absl::StartsWith(name, "cifar-100") ? "\x80\x02}q" : "x");
    // Nothing of what stands beside the images counts.
    PutFile(root + "/a/dataset_dict.json", "{}");
    PutFile(root + "/readme.html", "hello");
    EXPECT_THAT(ForeignFormatAdvice(root), ::testing::HasSubstr(advice)) << name;
  }
  const std::string root = FreshFolder("pickles");
  PutFile(root + "/data_batch_1", "x");
  EXPECT_THAT(ReadSource(root), StatusIs(absl::StatusCode::kFailedPrecondition,
                                         ::testing::HasSubstr("download the binary version")));
}

TEST(SourcesTest, TheGeneratorsDefaultsMayStandBesideAnyLayout) {
  const std::string root = FreshFolder("defaults");
  PutFile(root + "/cat/0.png", FlatPng(1, 1, 1, 1, 1));
  SourceArguments arguments;
  arguments.inputs = {{"", root}};
  arguments.shapes.set_num_train(8000);
  std::string layout;
  EXPECT_OK(OpenSource(DatasetLayout::DETECT, arguments, &layout));
}

}  // namespace
}  // namespace cassle
