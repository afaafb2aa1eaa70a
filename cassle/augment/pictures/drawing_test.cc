#include "cassle/augment/pictures/drawing.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace cassle {
namespace {

using ::testing::ElementsAre;

TEST(DrawingTest, LettersLoseTheirAccentsAndOthersAreOneMark) {
  EXPECT_EQ(DrawableText("lily 1"), "lily 1");
  // Composed, decomposed.
  EXPECT_EQ(DrawableText("\u00e9te\u0301"), "ete");
  EXPECT_EQ(DrawableText("Gr\u00f6\u00dfe"), "Gro?e");
  EXPECT_EQ(DrawableText("\u732b.jpg"), "?.jpg");
  EXPECT_EQ(DrawableText("a\nb"), "a?b");
  // No UTF-8.
  EXPECT_EQ(DrawableText("a\xff"), "a?");
}

TEST(DrawingTest, LongTextKeepsBothEnds) {
  EXPECT_EQ(DrawableText("DSC00001.jpg", 12), "DSC00001.jpg");
  EXPECT_EQ(DrawableText("camera_DSC00001.jpg", 12), "camer..1.jpg");
  EXPECT_EQ(DrawableText("camera", 3), "c..");
}

TEST(DrawingTest, LinesEndAtBlanksOrAreFull) {
  EXPECT_THAT(WrappedText("imagenet: 224 px, seed 5", 24), ElementsAre("imagenet: 224 px, seed 5"));
  EXPECT_THAT(WrappedText("evaluation: 224 px, seed 5", 24),
              ElementsAre("evaluation: 224 px, seed", "    5"));
  EXPECT_THAT(WrappedText("a_name_without_blanks", 10),
              ElementsAre("a_name_wit", "    hout_b", "    lanks"));
  EXPECT_THAT(WrappedText("\u00e9\u00e9\u00e9\u00e9\u00e9\u00e9", 10), ElementsAre("eeeeee"));
}

TEST(DrawingTest, WidthIsThatOfTheLetters) {
  RgbImage picture;
  picture.Resize(20, 100);
  EXPECT_EQ(DrawText(0, 0, 1, {0, 0, 0}, "\u00e9te\u0301", &picture), 3 * kLetterWidth);
}

}  // namespace
}  // namespace cassle
