// Options that not every layout takes.
#include "cassle/data/sources/sources.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "cassle/base/testing/status_matchers.h"
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
      if (refused) EXPECT_TRUE(absl::IsInvalidArgument(opened.status())) << opened.status();
    }
  }
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
