#include "cassle/data/images/image_file.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/safetensors.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/images/image_names.h"

namespace cassle {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr absl::StatusCode kBad = absl::StatusCode::kDataLoss;
constexpr char kFiles[] = "cassle/data/images/testdata/formats.safetensors";

std::string FileCalled(const std::string& name) {
  const absl::StatusOr<SafetensorsFile> files = SafetensorsFile::Open(kFiles);
  if (!files.ok()) return "";
  const absl::StatusOr<TensorView> file = files->Get(name + ".bytes");
  return file.ok() ? std::string(file->bytes) : "";
}

// What was remarked about a file that is read.
std::vector<std::string> Remarks(const std::string& bytes) {
  RgbImage image;
  const absl::StatusOr<ImageFileContent> content = DecodeImageFile(bytes, {}, &image);
  EXPECT_OK(content.status());
  return content.ok() ? content->remarks : std::vector<std::string>{"not read"};
}

TEST(ImageFileTest, ReadsEveryFormatWithinALevelOfPillow) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile files, SafetensorsFile::Open(kFiles));
  int compared = 0;
  for (const std::string& tensor : files.names()) {
    if (!absl::EndsWith(tensor, ".bytes")) continue;
    const std::string name = tensor.substr(0, tensor.size() - 6);
    ASSERT_OK_AND_ASSIGN(const TensorView file, files.Get(tensor, DType::kU8, 1));
    ASSERT_OK_AND_ASSIGN(const TensorView pixels, files.Get(name + ".rgb", DType::kU8, 3));
    RgbImage image;
    const absl::StatusOr<ImageFileContent> content = DecodeImageFile(file.bytes, {}, &image);
    ASSERT_OK(content.status()) << name;
    EXPECT_EQ(content->format, ImageFormatOfName(name));
    ASSERT_EQ(image.height, pixels.shape[0]) << name;
    ASSERT_EQ(image.width, pixels.shape[1]) << name;
    ASSERT_OK_AND_ASSIGN(const ImageHeader header, ReadImageFileHeader(file.bytes));
    EXPECT_EQ(header.height, image.height) << name;
    EXPECT_EQ(header.width, image.width) << name;
    // HEIC is lossy, and its picture the one before the loss.
    const int bound = name == "rgb.heic" ? 12 : 1;
    int largest = 0;
    for (size_t i = 0; i < image.pixels.size(); ++i) {
      const int expected = static_cast<uint8_t>(pixels.bytes[i]);
      largest = std::max(largest, std::abs(image.pixels[i] - expected));
    }
    EXPECT_LE(largest, bound) << name;
    // What shards keep as it is must decode to these pixels ever after; all else is encoded anew.
    if (content->record_format != v1::IMAGE_FORMAT_UNSPECIFIED) {
      RgbImage record;
      EXPECT_OK(DecodeImage(file.bytes, content->record_format, image.height, image.width, &record))
          << name;
      EXPECT_TRUE(record == image) << name;
    }
    ++compared;
  }
  EXPECT_GT(compared, 90);
}

TEST(ImageFileTest, OnlyPlainJpegAndPngAreKeptAsTheyAre) {
  const auto kept_as = [](const std::string& name) {
    RgbImage image;
    return DecodeImageFile(FileCalled(name), {}, &image)->record_format;
  };
  EXPECT_EQ(kept_as("e_3_1_9.jpg"), v1::JPEG);
  // Records do not know an orientation of 32 bits, nor one of a PNG.
  EXPECT_EQ(kept_as("e_4_0_6.jpg"), v1::IMAGE_FORMAT_UNSPECIFIED);
  EXPECT_EQ(kept_as("e_3_0_6.png"), v1::IMAGE_FORMAT_UNSPECIFIED);
  EXPECT_EQ(kept_as("rgb.gif"), v1::IMAGE_FORMAT_UNSPECIFIED);
}

TEST(ImageFileTest, TellsOfFramesTransparencyAndEnds) {
  EXPECT_THAT(Remarks(FileCalled("rgb.bmp")), IsEmpty());
  EXPECT_THAT(Remarks(FileCalled("rgb_tiff_lzw.tif")), IsEmpty());
  for (const char* name : {"anim.gif", "anim.webp", "multi.tif"}) {
    EXPECT_THAT(Remarks(FileCalled(name)), ElementsAre(kSeveralFrames)) << name;
  }
  for (const char* name : {"transparent.gif", "rgba.webp", "rgba_tiff_lzw.tif", "t_assoc.tif",
                           "b_v4m3.bmp", "rgba.avif", "rgba.jp2", "rgba.jxl"}) {
    EXPECT_THAT(Remarks(FileCalled(name)), ElementsAre(kTransparent)) << name;
  }
  EXPECT_THAT(Remarks(FileCalled("g_extra.gif")), ElementsAre(kBytesBehindEnd));
  EXPECT_THAT(Remarks(FileCalled("q80.webp") + "xx"), ElementsAre(kBytesBehindEnd));
  EXPECT_THAT(Remarks(FileCalled("g_notrailer.gif")), ElementsAre(kCutBehindPixels));
}

TEST(ImageFileTest, SixteenBitGrayIsScaled) {
  const std::string map =
      absl::StrCat("P5 3 1 65535\n", absl::string_view("\0\0\x80\xff\xff\xff", 6));
  RgbImage image;
  ASSERT_OK_AND_ASSIGN(const ImageFileContent content, DecodeImageFile(map, {}, &image));
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{0, 0, 0, 128, 128, 128, 255, 255, 255}));
  EXPECT_THAT(content.remarks, ElementsAre(kDeepGray));
}

TEST(ImageFileTest, CutInTheMiddleNothingIsRead) {
  for (const char* name :
       {"rgb.bmp", "b_rle8.bmp", "p.gif", "lossless.webp", "q80.webp", "rgb.ppm", "p3.ppm",
        "rgb_tiff_lzw.tif", "t_strips.tif", "q100.avif", "rgb.jp2", "rgb.jxl", "rgb.heic"}) {
    const std::string file = FileCalled(name);
    ASSERT_GT(file.size(), 20) << name;
    for (size_t size : {size_t{0}, size_t{5}, size_t{17}, file.size() / 2}) {
      RgbImage image;
      EXPECT_THAT(DecodeImageFile(file.substr(0, size), {}, &image).status(),
                  StatusIs(kBad, Not("")))
          << name << " " << size;
    }
  }
}

// The limit is held against the header, before memory is taken for what it claims.
TEST(ImageFileTest, RefusesMorePixelsThanTheLimitInEveryFormat) {
  for (const char* name : {"rgb.bmp", "rgb.gif", "q80.webp", "rgb.ppm", "rgb_tiff_lzw.tif",
                           "q100.avif", "rgb.jp2", "rgb.jxl", "rgb.heic", "e_3_1_9.jpg"}) {
    RgbImage image;
    EXPECT_THAT(DecodeImageFile(FileCalled(name), {.max_pixels = 60}, &image).status(),
                StatusIs(kBad, HasSubstr("more than the limit of 60")))
        << name;
    EXPECT_EQ(image.pixels.capacity(), 0) << name;
  }
  RgbImage image;
  EXPECT_THAT(DecodeImageFile("P6 20000 20000 255\n", {}, &image).status(),
              StatusIs(kBad, HasSubstr("PNM: 20000x20000 are 400000000 pixels")));
  EXPECT_THAT(DecodeImageFile("P6 10000 10000 255\n", {}, &image).status(),
              StatusIs(kBad, HasSubstr("end early")));
  EXPECT_EQ(image.pixels.capacity(), 0);
}

std::string FuzzSeed(absl::string_view name) {
  std::ifstream stream(absl::StrCat("cassle/data/images/formats/testdata/fuzz/heic_fuzzer/", name),
                       std::ios::binary);
  return std::string((std::istreambuf_iterator<char>(stream)), {});
}

// 2 GB are asked for by a grid in a picture of 32 x 24, in 941 bytes (found by heic_fuzzer).
TEST(ImageFileTest, AGridThatIsLargerThanItsPictureIsRefusedBeforeMemoryIsTaken) {
  const std::string file = FuzzSeed("grid_of_gigabytes.heic");
  ASSERT_EQ(file.size(), 941);
  RgbImage image;
  EXPECT_THAT(DecodeImageFile(file, {}, &image).status(),
              StatusIs(kBad, HasSubstr("HEIC: Memory allocation error")));
}

// libheif would follow the reference until the stack is full (found by heic_fuzzer).
TEST(ImageFileTest, AGridThatIsATileOfItselfIsRefused) {
  const std::string file = FuzzSeed("grid_of_itself.heic");
  ASSERT_EQ(file.size(), 1699);
  RgbImage image;
  const auto itself = StatusIs(kBad, "HEIC: its item 2 is made of itself");
  EXPECT_THAT(ReadImageFileHeader(file).status(), itself);
  EXPECT_THAT(DecodeImageFile(file, {}, &image).status(), itself);
}

TEST(ImageFileTest, SaysWhatIsNoImage) {
  const auto error = [](absl::string_view bytes) {
    RgbImage image;
    return DecodeImageFile(bytes, {}, &image).status();
  };
  EXPECT_THAT(error(""), StatusIs(kBad, "the image file is empty"));
  EXPECT_THAT(error("hello"), StatusIs(kBad, HasSubstr("neither JPEG, PNG, GIF")));
  EXPECT_THAT(error("<!DOCTYPE html>"), StatusIs(kBad, HasSubstr("but a web page")));
  EXPECT_THAT(error("version https://git-lfs.github.com/spec/v1"),
              StatusIs(kBad, HasSubstr("Git LFS")));
  EXPECT_THAT(error("GIF89a"), StatusIs(kBad, HasSubstr("GIF: ")));
}

// 4x1 pixels of four colours; the codes of 3 bits, then 4: clear, 0, `code`, 1, end.
std::string GifWithCode(int code) {
  const int codes = 4 | 0 << 3 | code << 6 | 1 << 9 | 5 << 12;
  return absl::StrCat(absl::string_view("GIF89a\4\0\1\0\x81\0\0", 13), "abcdefghijkl",
                      absl::string_view(",\0\0\0\0\4\0\1\0\0\2\2", 12),
                      std::string(1, static_cast<char>(codes & 0xff)),
                      std::string(1, static_cast<char>(codes >> 8)), absl::string_view("\0;", 2));
}

TEST(ImageFileTest, ACodeOfAGifThatStandsForNothingIsDamage) {
  RgbImage image;
  // The first that is free may be used: the pixel before, and again.
  ASSERT_OK(DecodeImageFile(GifWithCode(6), {}, &image));
  EXPECT_EQ(std::string(image.pixels.begin(), image.pixels.end()), "abcabcabcdef");
  EXPECT_THAT(DecodeImageFile(GifWithCode(7), {}, &image).status(),
              StatusIs(kBad, HasSubstr("GIF: its compressed data are damaged")));
}

// 1x2 pixels, a strip each, with those offsets and lengths; they stand at 8 and 11. As YCbCr,
// libtiff makes RGB of them.
std::string TiffOfStrips(const std::vector<int>& offsets, const std::vector<int>& lengths,
                         bool ycbcr) {
  const auto word = [](int value) {
    return std::string({static_cast<char>(value & 0xff), static_cast<char>(value >> 8)});
  };
  // Up to two of 16 bits.
  const auto entry = [&](int tag, std::vector<int> values) {
    const int count = static_cast<int>(values.size());
    values.resize(2);
    return absl::StrCat(word(tag), word(3), word(count), word(0), word(values[0]), word(values[1]));
  };
  return absl::StrCat(absl::string_view("II*\0\x0e\0\0\0", 8), "\x64\x80\x80\xc8\x80\x80", word(10),
                      entry(256, {1}), entry(257, {2}), entry(258, {8}), entry(259, {1}),
                      entry(262, {ycbcr ? 6 : 2}), entry(273, offsets), entry(277, {3}),
                      entry(278, {1}), entry(279, lengths), entry(530, {1, 1}),
                      std::string(4, '\0'));
}

TEST(ImageFileTest, AStripOfATiffThatIsMissingIsDamage) {
  RgbImage image;
  for (const bool ycbcr : {false, true}) {
    // The length of what is not compressed is known.
    for (const std::vector<int>& lengths : {std::vector<int>{3, 3}, {3, 0}}) {
      ASSERT_OK(DecodeImageFile(TiffOfStrips({8, 11}, lengths, ycbcr), {}, &image));
      const uint8_t chroma = ycbcr ? 100 : 128;
      EXPECT_EQ(std::vector<uint8_t>(image.pixels.begin(), image.pixels.begin() + 3),
                (std::vector<uint8_t>{100, chroma, chroma}));
      EXPECT_EQ(image.At(1, 0)[0], 200);
    }
    for (const std::string& tiff :
         {TiffOfStrips({8, 0}, {3, 3}, ycbcr), TiffOfStrips({8}, {3}, ycbcr)}) {
      EXPECT_THAT(DecodeImageFile(tiff, {}, &image).status(),
                  StatusIs(kBad, HasSubstr("TIFF: its strip 1 is missing")));
    }
  }
}

TEST(ImageFileTest, BandsAreNoColours) {
  std::string tiff = TiffOfStrips({8, 11}, {3, 3}, /*ycbcr=*/false);
  // Black is zero (262: 1) instead of RGB, as of satellites.
  const size_t colours = tiff.find(std::string("\x06\x01\x03\0", 4));
  ASSERT_NE(colours, std::string::npos);
  tiff[colours + 8] = 1;
  RgbImage image;
  EXPECT_THAT(
      DecodeImageFile(tiff, {}, &image).status(),
      StatusIs(kBad, HasSubstr("its pixels have 3 samples, which are bands and no colours")));
}

TEST(ImageFileTest, NumbersWithoutAKnownWhiteAreRefused) {
  std::string tiff = FileCalled("t_minwhite.tif");
  // SampleFormat: unsigned becomes floating-point where the tag of planes stands (284 -> 339).
  const size_t planes = tiff.find(std::string("\x1c\x01\x03\0", 4));
  ASSERT_NE(planes, std::string::npos);
  tiff.replace(planes, 12, std::string("\x53\x01\x03\0\1\0\0\0\3\0\0\0", 12));
  RgbImage image;
  EXPECT_THAT(DecodeImageFile(tiff, {}, &image).status(),
              StatusIs(kBad, HasSubstr("floating-point")));
}

}  // namespace
}  // namespace cassle
