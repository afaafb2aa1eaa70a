#include "cassle/data/sources/class_by_path.h"

#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(ClassByPathTest, TheFolderIsTheFirstAndTheParentTheLast) {
  EXPECT_EQ(ClassOfPath("a/b/c/1.png", ClassBy::kFolder), "a");
  EXPECT_EQ(ClassOfPath("a/b/c/1.png", ClassBy::kParent), "c");
  EXPECT_EQ(ClassOfPath("a/1.png", ClassBy::kParent), "a");
  EXPECT_EQ(ClassOfPath("1.png", ClassBy::kFolder), "");
  EXPECT_EQ(ClassOfPath("1.png", ClassBy::kParent), "");
}

TEST(ClassByPathTest, ANameIsTheWordInFrontOfItsNumber) {
  const std::pair<const char*, const char*> names[] = {
      {"cat.0.png", "cat"},
      {"photos/great_pyrenees_12.jpg", "great_pyrenees"},
      {"airplane12.JPEG", "airplane"},
      {"cat (3).png", "cat"},
      {"n01440764_10026.JPEG", "n01440764"},
      {"7_0001.png", "7"},
      {"dog.png", "dog"},
      {"0001.png", ""},
      {"cat_7", "cat"},
  };
  for (const auto& [name, word] : names) EXPECT_EQ(ClassOfPath(name, ClassBy::kName), word) << name;
}

TEST(ClassByPathTest, OtherWordsAreNone) {
  EXPECT_EQ(ParseClassBy("parent"), ClassBy::kParent);
  for (const char* word : {"", "none", "cls", "Folder"}) {
    EXPECT_FALSE(ParseClassBy(word).has_value()) << word;
  }
}

}  // namespace
}  // namespace cassle
