#include "cassle/data/images/image_names.h"

#include "gtest/gtest.h"

namespace cassle {
namespace {

TEST(ImageNamesTest, ANameIsAnImageByItsLastExtensionInAnyCase) {
  for (const char* name : {"a.jpg", "a/b.JPEG", "IMG.0001.Png", "x.y/z.webp", "a.gif", "b.TIF",
                           "c.bmp", "d.pgm", "e.heic", "f.avif", "g.jxl", "h.jp2", "i j.jfif"}) {
    EXPECT_TRUE(IsImageName(name)) << name;
  }
}

TEST(ImageNamesTest, OtherNamesAreNot) {
  for (const char* name : {"", "jpg", ".jpg", "a/.png", "a.jpg/b", "a.jpg.txt", "a.jpgx", "a.",
                           "a.cls", "Thumbs.db", "a.svg", "a.tar"}) {
    EXPECT_FALSE(IsImageName(name)) << name;
  }
}

TEST(ImageNamesTest, AnExtensionHasNoDot) {
  EXPECT_TRUE(IsImageExtension("jpg"));
  EXPECT_TRUE(IsImageExtension("PNG"));
  EXPECT_FALSE(IsImageExtension(".jpg"));
  EXPECT_FALSE(IsImageExtension(""));
}

TEST(ImageNamesTest, ANameTellsTheFormat) {
  EXPECT_EQ(ImageFormatOfName("a/b.JPE"), "JPEG");
  EXPECT_EQ(ImageFormatOfName("b.pgm"), "PNM");
  EXPECT_EQ(ImageFormatOfName("b.txt"), "");
}

}  // namespace
}  // namespace cassle
