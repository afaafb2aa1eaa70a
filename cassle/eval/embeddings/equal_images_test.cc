#include "cassle/eval/embeddings/equal_images.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/eval/embeddings/embeddings_testutil.h"
#include "cassle/eval/embeddings/pictures.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Nine train and six test images, all different; row i has label i % 3.
class EqualImagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = JoinPath(::testing::TempDir(),
                     ::testing::UnitTest::GetInstance()->current_test_info()->name());
    ASSERT_OK(RemoveAll(root_));
    ASSERT_OK(MakeDirectories(root_));
    train_ = Fixture("train", 9, 0);
    test_ = Fixture("test", 6, 100);
  }

  static EmbeddingsFixture Fixture(const std::string& name, int rows, int first) {
    EmbeddingsFixture fixture = EmbeddingsFixture::Clusters(rows, 4, first, 1);
    for (int i = 0; i < rows; ++i) {
      fixture.keys.push_back(absl::StrCat(name, "/", i));
      fixture.pixels.push_back(static_cast<uint8_t>(first + i));
    }
    return fixture;
  }

  absl::StatusOr<Embeddings> Open(const std::string& name, const EmbeddingsFixture& fixture) {
    EXPECT_OK(fixture.Write(JoinPath(root_, name)));
    return Embeddings::Open(name, JoinPath(root_, name));
  }

  std::vector<std::string> Warnings(const std::vector<std::string>& targets = {"label"}) {
    const auto train = Open("train", train_), test = Open("test", test_);
    const auto warnings = EqualImageWarnings(*train, &*test, targets);
    EXPECT_OK(warnings);
    return warnings.value_or(std::vector<std::string>{"error"});
  }

  std::string root_;
  EmbeddingsFixture train_, test_;
};

TEST_F(EqualImagesTest, OfDifferentImagesNothingIsSaid) { EXPECT_THAT(Warnings(), IsEmpty()); }

TEST_F(EqualImagesTest, TestImagesThatAreInTrainAreCountedAndTheFirstIsNamed) {
  for (int i : {2, 3, 5}) test_.pixels[i] = train_.pixels[i];
  EXPECT_THAT(Warnings(), ElementsAre("3 of 6 test images are in train, pixel for pixel (first: "
                                      "test/2 = train/2)"));
}

TEST_F(EqualImagesTest, EqualImagesOfOtherClassesAreNamedWithThem) {
  test_.pixels[2] = train_.pixels[4];
  train_.pixels[8] = train_.pixels[0];
  EXPECT_THAT(
      Warnings(),
      ElementsAre("1 of 6 test images are in train, pixel for pixel (first: test/2 = train/4)",
                  "label: 2 train images are pixel for pixel one of train that has another class "
                  "(first: train/0 is a, train/8 is c)",
                  "label: 1 test images are pixel for pixel one of train that has another class "
                  "(first: test/2 is c, train/4 is b)"));
  // An image without a class contradicts nobody.
  train_.classes["labels"][8] = train_.classes["labels"][4] = -1;
  EXPECT_EQ(Warnings().size(), 1);
}

TEST_F(EqualImagesTest, OneSetByItselfTellsItsRepetitions) {
  train_.pixels[6] = train_.pixels[3];
  ASSERT_OK_AND_ASSIGN(const Embeddings train, Open("train", train_));
  EXPECT_THAT(EqualImageWarnings(train, nullptr, {"label"}).value(),
              ElementsAre("1 of 9 images repeat another one of --train, pixel for pixel (first: "
                          "train/6 = train/3)"));
}

TEST_F(EqualImagesTest, CopiesOfWhatIsLearntFromAreFoundAmongWhatIsHeldOut) {
  train_.pixels[6] = train_.pixels[3];
  ASSERT_OK_AND_ASSIGN(const Embeddings train, Open("train", train_));
  EXPECT_EQ(HeldOutCopiesWarning(train, {0, 1, 2, 3}, {5, 6}).value(),
            "1 of 2 validation images are learnt from as well, pixel for pixel (first: train/6 = "
            "train/3)");
  // Both on one side, or one on none.
  EXPECT_EQ(HeldOutCopiesWarning(train, {0, 1}, {3, 6}).value(), "");
  EXPECT_EQ(HeldOutCopiesWarning(train, {0, 1}, {2, 6}).value(), "");
}

TEST_F(EqualImagesTest, WithoutHashesTheIdsOfOneDataSetAreCompared) {
  test_.keys.clear();
  test_.pixels = train_.pixels;
  test_.ids[5] = 3;
  EXPECT_THAT(Warnings(),
              ElementsAre("images of the test set that are also in the train embeddings: 1"));
  test_.metadata["dataset_fingerprint"] = "another";
  EXPECT_THAT(Warnings(), IsEmpty());
}

TEST_F(EqualImagesTest, SeveralRowsOfAnImageAreOneImage) {
  EmbeddingsFixture crops = EmbeddingsFixture::Clusters(18, 4, 0, 1);
  for (int row = 0; row < 18; ++row) {
    crops.ids[row] = row / 2;
    crops.classes["labels"][row] = row / 2 % 3;
  }
  ASSERT_OK(crops.Write(JoinPath(root_, "crops")));
  ASSERT_OK(
      WritePictures(train_.ids, std::vector<PixelHash>(9), train_.keys, JoinPath(root_, "crops")));
  ASSERT_OK_AND_ASSIGN(const Embeddings embeddings,
                       Embeddings::Open("train", JoinPath(root_, "crops")));
  ASSERT_OK_AND_ASSIGN(const auto pictures, Pictures::Open(embeddings));
  ASSERT_TRUE(pictures.has_value());
  EXPECT_EQ(pictures->hashes().size(), 9);
  EXPECT_EQ(pictures->Key(8), "train/8");
  EXPECT_THAT(pictures->OfImages(embeddings.Target("label")->values),
              ElementsAre(0, 1, 2, 0, 1, 2, 0, 1, 2));
}

TEST_F(EqualImagesTest, NamesOfOtherImagesAreRefused) {
  ASSERT_OK(train_.Write(JoinPath(root_, "train")));
  std::vector<int64_t> others = train_.ids;
  ++others[8];
  ASSERT_OK(
      WritePictures(others, std::vector<PixelHash>(9), train_.keys, JoinPath(root_, "train")));
  ASSERT_OK_AND_ASSIGN(const Embeddings train, Embeddings::Open("train", JoinPath(root_, "train")));
  EXPECT_THAT(Pictures::Open(train).status(),
              StatusIs(absl::StatusCode::kDataLoss, HasSubstr("does not name the images")));
}

TEST_F(EqualImagesTest, TestImagesInValAreNamedToo) {
  ASSERT_OK_AND_ASSIGN(const Embeddings test, Open("test", test_));
  EmbeddingsFixture fixture = Fixture("val", 4, 200);
  ASSERT_OK_AND_ASSIGN(const Embeddings val, Open("val", fixture));
  EXPECT_EQ(SharedImagesWarning("test", test, "val", val).value(), "");
  fixture.pixels[2] = test_.pixels[1];
  ASSERT_OK_AND_ASSIGN(const Embeddings leaking, Open("leaking", fixture));
  EXPECT_EQ(SharedImagesWarning("test", test, "val", leaking).value(),
            "1 of 6 test images are in val, pixel for pixel (first: test/1 = val/2)");
}

}  // namespace
}  // namespace cassle
