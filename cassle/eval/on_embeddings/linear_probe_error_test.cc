// What linear-probe refuses, and with which words.
#include <atomic>
#include <cmath>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/eval/on_embeddings/linear_probe_testutil.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using LinearProbeErrorTest = LinearProbeFixture;

TEST_F(LinearProbeErrorTest, MoreLabelsThanThereAreAreRefused) {
  options_.set_labels_per_class(41);
  ExpectFailure(65,
                {"--labels_per_class, without the validation part: class a has 3", "41 per class"});
  options_.set_labels_per_class(3);
  options_.add_target("all");
  ExpectFailure(64, {"one target at a time"});
}

TEST_F(LinearProbeErrorTest, TheAuthorsSplitWantsTheAuthorsData) {
  options_.set_authors_split("cifar10");
  ExpectFailure(65, {"--authors_split=cifar10", "50000", "120"});
  options_.set_authors_split("cifar1");
  ExpectFailure(64, {"did you mean cifar10"});
}

TEST_F(LinearProbeErrorTest, OtherWeightsAreRefused) {
  test_.metadata["weights_fingerprint"] = "vvvv";
  ExpectFailure(65, {"--train and --test", "another encoder", "weights_fingerprint wwww and vvvv"});
}

TEST_F(LinearProbeErrorTest, OtherPreprocessingIsRefused) {
  test_.metadata["preprocess_fingerprint"] = "qqqq";
  ExpectFailure(65, {"another preprocessing", "preprocess_fingerprint pppp and qqqq"});
}

TEST_F(LinearProbeErrorTest, AMissingFingerprintIsRefused) {
  test_.metadata.erase("weights_fingerprint");
  ExpectFailure(65, {"--test does not say its weights_fingerprint"});
}

TEST_F(LinearProbeErrorTest, OtherWidthIsRefused) {
  test_ = EmbeddingsFixture::Clusters(60, 8, 1000, 2);
  ExpectFailure(65, {"--train has 7 features per image, --test 8"});
}

TEST_F(LinearProbeErrorTest, ASplitWithoutAnyLabelIsRefused) {
  for (int64_t& label : test_.classes["labels"]) label = -1;
  ExpectFailure(65, {"--test: no image of", "has a class of target 'label'", "labelled split"});
}

TEST_F(LinearProbeErrorTest, AListedPartWithoutAnyLabelIsRefused) {
  for (int64_t id : {3, 4}) train_.classes["labels"][id] = -1;
  ASSERT_OK(WriteFile(Path("val.txt"), "3\n4\n"));
  options_.set_val_list(Path("val.txt"));
  ExpectFailure(65, {"no row of the validation part has a class of label"});
}

TEST_F(LinearProbeErrorTest, AnImpossibleLabelIsRefused) {
  test_.classes["labels"][4] = 3;
  ExpectFailure(65, {"--test", "labels[4] (image 1004) is 3, outside 0..2"});
}

TEST_F(LinearProbeErrorTest, UnlabelledEmbeddingsAreRefused) {
  train_.classes.erase("labels");
  ExpectFailure(65, {"--train", "no target 'label'", "there is parity: embed a labelled split"});
}

TEST_F(LinearProbeErrorTest, AnUnknownTargetIsRefusedWithTheOnesThereAre) {
  options_.add_target("hue");
  ExpectFailure(65, {"no target 'hue'", "label, parity"});
}

TEST_F(LinearProbeErrorTest, AVectorTargetIsRefused) {
  train_.vectors["target.position"].resize(240);
  options_.add_target("position");
  ExpectFailure(65, {"'position'", "is a vector", "label, parity"});
}

TEST_F(LinearProbeErrorTest, OneClassIsRefused) {
  for (int64_t& label : train_.classes["labels"]) label = 1;
  ExpectFailure(65, {"target 'label'", "has class 1 (b)", "two classes"});
}

TEST_F(LinearProbeErrorTest, OtherClassNamesAreRefused) {
  test_.metadata["classes"] = "[\"b\",\"a\",\"c\"]";
  ExpectFailure(
      65, {"other classes", "(3 and 3 names; class 0 is a and b)", "shard the splits together"});
}

TEST_F(LinearProbeErrorTest, ClassNamesInOnePartAloneAreRefused) {
  const std::string names = train_.metadata["classes"];
  test_.metadata.erase("classes");
  test_.classes["labels"][4] = 1000000;
  ExpectFailure(65, {"'label' has other classes in --train and --test (3 and 0 names)"});
  test_.classes["labels"][4] = 1;
  test_.metadata["classes"] = names;
  train_.metadata.erase("classes");
  ExpectFailure(65, {"--train and --test (0 and 3 names)"});
  train_.metadata["classes"] = names;
  EmbeddingsFixture val = EmbeddingsFixture::Clusters(30, 7, 500, 3);
  val.metadata.erase("classes");
  ASSERT_OK(val.Write(Path("val")));
  options_.set_val(Path("val"));
  ExpectFailure(65, {"--train and --val (3 and 0 names)"});
}

TEST_F(LinearProbeErrorTest, NotANumberIsRefusedWithItsRow) {
  train_.features[7 * 9 + 2] = std::nanf("");
  ExpectFailure(65, {"--train", "features[9, 2] (image 9) is nan"});
}

TEST_F(LinearProbeErrorTest, AnEmptySetIsRefused) {
  test_ = EmbeddingsFixture::Clusters(0, 7, 0, 1);
  ExpectFailure(65, {"--test", "[0, 7]", "nothing to work on"});
}

TEST_F(LinearProbeErrorTest, TensorsOfOtherLengthAreRefused) {
  train_.classes["labels"].pop_back();
  ExpectFailure(65, {"labels has 119 rows, features has 120"});
}

TEST_F(LinearProbeErrorTest, ABadListIsRefusedWithItsLine) {
  for (const auto& [list, words] : std::vector<std::pair<std::string, std::string>>{
           {"1\nx\n", "val.txt:2: 'x' is not an image id"},
           {"1\n5000\n", "val.txt:2: '5000' is not the id of an image of --train"},
           {"1\n2\n1\n", "val.txt:3: '1' is listed twice"},
           {std::string(50, 'x'),
            "val.txt:1: '" + std::string(40, 'x') + "...' is not an image id"},
           {"# nothing\n", "lists 0 of the 120 images"}}) {
    ASSERT_OK(WriteFile(Path("val.txt"), list));
    options_.set_val_list(Path("val.txt"));
    ExpectFailure(65, {words});
  }
}

TEST_F(LinearProbeErrorTest, AMissingOrUnfinishedInputIsRefused) {
  options_.set_test(Path("nowhere"));
  ExpectFailure(66, {"nowhere", "does not exist"});
  // What another stage wrote is there, but bad data.
  options_.set_test(Path("result"));
  ASSERT_OK(RunEvaluation(
      LinearProbeInfo(),
      [&] {
        v1::LinearProbeOptions good = options_;
        good.set_test(Path("test"));
        return good;
      }(),
      RunLinearProbe));
  options_.set_output(Path("another"));
  EXPECT_THAT(Run(), StatusIs(absl::StatusCode::kFailedPrecondition,
                              ::testing::HasSubstr("result is an output of linear-probe and is no "
                                                   "folder of embeddings (of embed)")));
  options_.set_output(Path("result"));
  ASSERT_OK(RemoveAll(Path("result")));
  options_.set_test(Path("dead.partial"));
  ASSERT_OK(MakeDirectories(Path("dead.partial")));
  ExpectFailure(66, {"dead.partial", "not a complete stage output"});
}

TEST_F(LinearProbeErrorTest, SettingsThatMakeNoSenseAreUsageErrors) {
  const std::vector<std::pair<std::function<void(v1::LinearProbeOptions*)>, std::string>> cases = {
      {[](auto* o) { o->clear_train(); }, "--train is missing"},
      {[](auto* o) { o->set_val_fraction(1); }, "--val_fraction=1: expected above 0 and below 1"},
      {[](auto* o) { o->set_tolerance(0); }, "--tolerance=0"},
      {[](auto* o) { o->add_regularizer(0); },
       "--regularizer=0: expected ascending values, each above 0"},
      {[](auto* o) {
         o->add_regularizer(2);
         o->add_regularizer(1);
       },
       "--regularizer=2,1: expected ascending values"},
      {[](auto* o) {
         o->add_target("label");
         o->add_target("label");
       },
       "names a target twice"},
      {[](auto* o) {
         o->set_val(o->train());
         o->set_val_list(o->train() + "/embeddings.safetensors");
       },
       "exclude each other"}};
  const v1::LinearProbeOptions good = options_;
  for (const auto& [change, words] : cases) {
    options_ = good;
    change(&options_);
    ExpectFailure(64, {words});
  }
}

TEST_F(LinearProbeErrorTest, AnInterruptedProbeLeavesNothing) {
  const std::atomic<bool> interrupted{true};
  settings_.interrupted = &interrupted;
  ExpectFailure(75, {"interrupted"});
}

}  // namespace
}  // namespace cassle
