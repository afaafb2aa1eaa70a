#include "cassle/base/letters.h"

#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(LettersTest, AreCodePointsAndNotBytes) {
  EXPECT_EQ(CountLetters(""), 0);
  EXPECT_EQ(CountLetters("abc"), 3);
  // Two, three and four bytes.
  EXPECT_EQ(CountLetters("\u00e4\u2026\U0001F600"), 3);
}

TEST(LettersTest, BeginBehindTheOnesBefore) {
  const char text[] = "\u00e4\u2026\U0001F600z";
  EXPECT_EQ(LetterAt(text, 0), 0);
  EXPECT_EQ(LetterAt(text, 1), 2);
  EXPECT_EQ(LetterAt(text, 2), 5);
  EXPECT_EQ(LetterAt(text, 3), 9);
  EXPECT_EQ(LetterAt(text, 4), 10);
  EXPECT_EQ(LetterAt(text, 9), 10);
}

}  // namespace
}  // namespace cassle
