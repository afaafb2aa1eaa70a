#include "cassle/eval/embeddings/label_notes.h"

#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(LabelNotesTest, NothingToSayIsNoSentence) {
  EXPECT_EQ(LeftOutSentence("train", "class of label", 0, 4), "");
  EXPECT_EQ(UnlearntClassesSentence({"a", "b"}, {1, 2}, {3, 1}), "");
  EXPECT_EQ(EmptyClassesSentence({"a", "b"}, {1, 2}, {3, 1}), "");
}

TEST(LabelNotesTest, RowsAreCounted) {
  EXPECT_EQ(LeftOutSentence("train", "class of label", 1, 4),
            "1 of 4 rows of --train have no class of label and are left out");
}

TEST(LabelNotesTest, ClassesAreNamedByWhatTheyLack) {
  EXPECT_EQ(UnlearntClassesSentence({"a", "b", "c"}, {0, 2, 0}, {3, 0, 0}),
            "classes of the test set that nothing was learnt of: a");
  EXPECT_EQ(EmptyClassesSentence({"a", "b", "c"}, {0, 2, 0}, {3, 0, 0}),
            "1 of 3 classes have no image: c; 1 of 3 classes have no test image: b");
}

TEST(LabelNotesTest, OfManyClassesTheFirstTenAreNamed) {
  std::vector<std::string> names;
  for (int c = 0; c <= 900; ++c) names.push_back(std::to_string(c));
  std::vector<int64_t> images(901);
  images[1] = images[900] = 2;
  EXPECT_EQ(EmptyClassesSentence(names, images, images),
            "899 of 901 classes have no image: 0, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 889 more");
}

}  // namespace
}  // namespace cassle
