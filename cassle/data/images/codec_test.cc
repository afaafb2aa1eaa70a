#include "cassle/data/images/codec.h"

#include <png.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include <jpeglib.h>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/testing/golden.h"
#include "cassle/base/testing/status_matchers.h"
#include "cassle/data/images/exif.h"

namespace cassle {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr absl::StatusCode kBad = absl::StatusCode::kDataLoss;

// Smooth, so that JPEG changes it little, and different in every corner.
RgbImage Ramp(int height, int width) {
  RgbImage image;
  image.Resize(height, width);
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      uint8_t* pixel = image.At(y, x);
      pixel[0] = static_cast<uint8_t>(255 * y / std::max(height - 1, 1));
      pixel[1] = static_cast<uint8_t>(255 * x / std::max(width - 1, 1));
      pixel[2] = static_cast<uint8_t>(40 + 10 * ((x / 8 + y / 8) % 2));
    }
  }
  return image;
}

int LargestDifference(const RgbImage& a, const RgbImage& b) {
  EXPECT_EQ(a.height, b.height);
  EXPECT_EQ(a.width, b.width);
  int largest = 0;
  for (size_t i = 0; i < a.pixels.size(); ++i) {
    largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  }
  return largest;
}

// A PNG of any colour type; the rows are in libpng's memory layout.
std::string MakePng(int height, int width, int bits, int color_type,
                    const std::vector<std::string>& rows,
                    const std::function<void(png_structp, png_infop)>& extra = {},
                    int interlace = PNG_INTERLACE_NONE) {
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, nullptr, nullptr, nullptr);
  png_infop info = png_create_info_struct(png);
  std::string bytes;
  png_set_write_fn(
      png, &bytes,
      [](png_structp p, png_bytep data, size_t size) {
        static_cast<std::string*>(png_get_io_ptr(p))
            ->append(reinterpret_cast<const char*>(data), size);
      },
      nullptr);
  png_set_IHDR(png, info, width, height, bits, color_type, interlace, PNG_COMPRESSION_TYPE_DEFAULT,
               PNG_FILTER_TYPE_DEFAULT);
  if (extra) extra(png, info);
  png_write_info(png, info);
  std::vector<png_bytep> pointers;
  for (const std::string& row : rows) {
    pointers.push_back(reinterpret_cast<png_bytep>(const_cast<char*>(row.data())));
  }
  png_write_image(png, pointers.data());
  png_write_end(png, nullptr);
  png_destroy_write_struct(&png, &info);
  return bytes;
}

// A JPEG from four-component pixels, stored as CMYK or YCCK with an Adobe marker.
std::string MakeCmykJpeg(int height, int width, const std::vector<uint8_t>& cmyk,
                         J_COLOR_SPACE stored) {
  jpeg_compress_struct jpeg;
  jpeg_error_mgr errors;
  jpeg.err = jpeg_std_error(&errors);
  jpeg_create_compress(&jpeg);
  unsigned char* buffer = nullptr;
  unsigned long size = 0;  // NOLINT: libjpeg's type.
  jpeg_mem_dest(&jpeg, &buffer, &size);
  jpeg.image_height = height;
  jpeg.image_width = width;
  jpeg.input_components = 4;
  jpeg.in_color_space = JCS_CMYK;
  jpeg_set_defaults(&jpeg);
  jpeg_set_colorspace(&jpeg, stored);
  jpeg_set_quality(&jpeg, 100, TRUE);
  jpeg_start_compress(&jpeg, TRUE);
  for (int y = 0; y < height; ++y) {
    JSAMPROW row = const_cast<JSAMPROW>(&cmyk[size_t{4} * y * width]);
    jpeg_write_scanlines(&jpeg, &row, 1);
  }
  jpeg_finish_compress(&jpeg);
  std::string bytes(reinterpret_cast<char*>(buffer), size);
  jpeg_destroy_compress(&jpeg);
  std::free(buffer);
  return bytes;
}

// The file with an EXIF segment of that orientation behind its first two bytes.
std::string WithOrientation(const std::string& jpeg, int orientation, bool big_endian) {
  const char value = static_cast<char>(orientation);
  std::string tiff = big_endian
                         ? std::string("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0", 19) +
                               value + std::string("\0\0\0\0\0\0", 6)
                         : std::string("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0", 18) +
                               value + std::string("\0\0\0\0\0\0\0", 7);
  const std::string payload = std::string("Exif\0\0", 6) + tiff;
  const int length = static_cast<int>(payload.size()) + 2;
  return jpeg.substr(0, 2) + "\xff\xe1" + static_cast<char>(length >> 8) +
         static_cast<char>(length & 255) + payload + jpeg.substr(2);
}

TEST(CodecTest, DecodesTheGoldenFilesAsPillowDoes) {
  ASSERT_OK_AND_ASSIGN(const SafetensorsFile golden, OpenGolden("decode.safetensors"));
  int compared = 0, decoded = 0;
  for (const std::string& name : golden.names()) {
    decoded += absl::EndsWith(name, ".rgb") ? 1 : 0;
    const size_t dot = name.rfind(".bytes");
    if (dot == std::string::npos) continue;
    const std::string kind = name.substr(0, dot);
    ASSERT_OK_AND_ASSIGN(const TensorView file, golden.Get(name, DType::kU8, 1));
    ASSERT_OK_AND_ASSIGN(const TensorView pixels, golden.Get(kind + ".rgb", DType::kU8, 3));
    RgbImage image;
    ASSERT_OK(DecodeImage(file.bytes, &image)) << kind;
    ASSERT_EQ(image.height, pixels.shape[0]) << kind;
    ASSERT_EQ(image.width, pixels.shape[1]) << kind;
    EXPECT_TRUE(
        std::equal(image.pixels.begin(), image.pixels.end(), pixels.values<uint8_t>().begin()))
        << kind;
    ASSERT_OK_AND_ASSIGN(const ImageHeader header, ReadImageHeader(file.bytes));
    EXPECT_EQ(header.height, image.height);
    EXPECT_EQ(header.width, image.width);
    EXPECT_EQ(header.format, kind[0] == 'j' ? v1::JPEG : v1::PNG);
    ++compared;
  }
  EXPECT_GT(compared, 0);
  EXPECT_EQ(compared, decoded);
}

TEST(CodecTest, PngRoundTripIsExactAndItsBytesAreAFunctionOfThePixels) {
  for (int side : {1, 2, 33}) {
    const RgbImage image = Ramp(side, 2 * side);
    ASSERT_OK_AND_ASSIGN(const std::string png, EncodePng(image));
    ASSERT_OK_AND_ASSIGN(const std::string again, EncodePng(image));
    EXPECT_EQ(png, again);
    RgbImage decoded;
    ASSERT_OK(DecodeImage(png, &decoded));
    EXPECT_TRUE(decoded == image);
  }
}

TEST(CodecTest, JpegOfHighQualityStaysWithinAFewLevels) {
  const RgbImage image = Ramp(41, 30);
  ASSERT_OK_AND_ASSIGN(const std::string jpeg, EncodeJpeg(image, 100));
  RgbImage decoded;
  ASSERT_OK(DecodeImage(jpeg, &decoded));
  // Rounding of YCbCr and of the coefficients: two levels each.
  EXPECT_LE(LargestDifference(image, decoded), 4);
}

TEST(CodecTest, OnePixelImagesWorkInEveryFormat) {
  RgbImage pixel;
  pixel.Resize(1, 1);
  pixel.pixels = {200, 100, 50};
  for (v1::ImageFormat format : {v1::JPEG, v1::PNG, v1::RAW_RGB8}) {
    ASSERT_OK_AND_ASSIGN(const std::string bytes, EncodeImage(pixel, format, 100));
    RgbImage decoded;
    ASSERT_OK(DecodeImage(bytes, format, 1, 1, &decoded));
    EXPECT_LE(LargestDifference(pixel, decoded), 3);
  }
}

TEST(CodecTest, TurnsAnImageOfEveryExifOrientationUpright) {
  // What a camera stores when the scene is `upright`: the inverse of the orientation. Only 6 and 8
  // are not their own inverses.
  const RgbImage upright = Ramp(24, 40);
  for (bool big_endian : {false, true}) {
    for (int orientation = 1; orientation <= 8; ++orientation) {
      const int inverse = orientation == 6 ? 8 : orientation == 8 ? 6 : orientation;
      const RgbImage stored = ApplyExifOrientation(upright, inverse);
      EXPECT_TRUE(ApplyExifOrientation(stored, orientation) == upright) << orientation;
      ASSERT_OK_AND_ASSIGN(const std::string jpeg, EncodeJpeg(stored, 100));
      const std::string tagged = WithOrientation(jpeg, orientation, big_endian);
      ASSERT_OK_AND_ASSIGN(const ImageHeader header, ReadImageHeader(tagged));
      EXPECT_EQ(header.orientation, orientation);
      EXPECT_EQ(header.height, 24);
      EXPECT_EQ(header.width, 40);
      RgbImage decoded;
      ASSERT_OK(DecodeImage(tagged, &decoded));
      EXPECT_LE(LargestDifference(decoded, upright), 4) << orientation;
    }
  }
}

TEST(CodecTest, OrientationSixIsAClockwiseTurn) {
  RgbImage stored;
  stored.Resize(1, 2);
  stored.pixels = {1, 1, 1, 2, 2, 2};
  // The stored left end becomes the top.
  const RgbImage upright = ApplyExifOrientation(stored, 6);
  EXPECT_EQ(upright.height, 2);
  EXPECT_EQ(upright.At(0, 0)[0], 1);
  EXPECT_EQ(upright.At(1, 0)[0], 2);
  // Two rows: the lower one comes to the left.
  stored.Resize(2, 1);
  EXPECT_EQ(ApplyExifOrientation(stored, 6).At(0, 0)[0], 2);
  EXPECT_EQ(ApplyExifOrientation(stored, 8).At(0, 0)[0], 1);
}

TEST(CodecTest, MalformedExifMeansUpright) {
  for (absl::string_view block : {absl::string_view(""), absl::string_view("Exif\0\0", 6),
                                  absl::string_view("Exif\0\0II*\0\xff\xff\xff\xff", 14),
                                  absl::string_view("Exif\0\0MM\0*\0\0\0\x08\xff\xff", 16)}) {
    EXPECT_EQ(ReadExifOrientation(block).value, 1);
  }
}

// Little-endian EXIF whose orientation has that type; `value` are the entry's last 4 bytes, and
// `behind` begins at offset 26.
std::string ExifOf(int type, const std::string& value, const std::string& behind = "") {
  return absl::StrCat(absl::string_view("II*\0\x08\0\0\0\x01\0\x12\x01", 12),
                      std::string(1, static_cast<char>(type)), absl::string_view("\0\x01\0\0\0", 5),
                      value, absl::string_view("\0\0\0\0", 4), behind);
}

const std::string& InlineSix() {
  static const auto& six = *new std::string("\x06\0\0\0", 4);
  return six;
}

TEST(CodecTest, ReadsOrientationsOfTheOddTypesThatPillowReads) {
  for (int type : {4, 6, 8, 9, 13}) {
    const ExifOrientation found = ReadExifOrientation(ExifOf(type, InlineSix()));
    EXPECT_EQ(found.value, 6) << type;
    EXPECT_FALSE(found.is_short) << type;
  }
  const std::string offset("\x1a\0\0\0", 4);
  for (int type : {5, 10}) {
    const auto fraction = [&](absl::string_view behind) {
      return ReadExifOrientation(ExifOf(type, offset, std::string(behind)));
    };
    const ExifOrientation found = fraction({"\x0c\0\0\0\x02\0\0\0", 8});
    EXPECT_EQ(found.value, 6);
    EXPECT_FALSE(found.is_short);
    // No whole number, divided by zero, cut off.
    EXPECT_EQ(fraction({"\x0d\0\0\0\x02\0\0\0", 8}).value, 1);
    EXPECT_EQ(fraction({"\x06\0\0\0\0\0\0\0", 8}).value, 1);
    EXPECT_EQ(fraction({"\x06\0\0\0\x01\0\0", 7}).value, 1);
    EXPECT_EQ(ReadExifOrientation(ExifOf(type, "\xff\xff\xff\xff")).value, 1);
  }
  // Floating-point numbers: 6, 6.5, infinity.
  EXPECT_EQ(ReadExifOrientation(ExifOf(11, {"\0\0\xc0\x40", 4})).value, 6);
  EXPECT_FALSE(ReadExifOrientation(ExifOf(11, {"\0\0\xc0\x40", 4})).is_short);
  EXPECT_EQ(ReadExifOrientation(ExifOf(11, {"\0\0\xd0\x40", 4})).value, 1);
  EXPECT_EQ(ReadExifOrientation(ExifOf(11, {"\0\0\x80\x7f", 4})).value, 1);
  const std::string eight("\0\0\0\0\0\0\x20\x40", 8);
  EXPECT_EQ(ReadExifOrientation(ExifOf(12, offset, eight)).value, 8);
  EXPECT_EQ(ReadExifOrientation(ExifOf(12, offset, eight.substr(0, 7))).value, 1);
  // Negative numbers, and types that hold no number.
  for (int type : {6, 8, 9}) {
    EXPECT_EQ(ReadExifOrientation(ExifOf(type, "\xfa\xff\xff\xff")).value, 1) << type;
  }
  for (int type : {0, 1, 2, 7, 255}) {
    EXPECT_EQ(ReadExifOrientation(ExifOf(type, InlineSix())).value, 1) << type;
  }
}

// A pixel with a text chunk: tEXt, or zTXt if compressed.
std::string PngWithText(const std::string& text, bool compressed) {
  return MakePng(1, 1, 8, PNG_COLOR_TYPE_RGB, {"abc"}, [&](png_structp png, png_infop info) {
    std::string key = "Raw profile type exif";
    std::string content = text;
    png_text chunk = {};
    chunk.compression = compressed ? PNG_TEXT_COMPRESSION_zTXt : PNG_TEXT_COMPRESSION_NONE;
    chunk.key = &key[0];
    chunk.text = &content[0];
    chunk.text_length = content.size();
    png_set_text(png, info, &chunk, 1);
  });
}

// What is left to be turned, which header and pixels have to agree about.
int OrientationLeft(const std::string& png) {
  RgbImage image;
  DecodeReport report;
  EXPECT_OK(DecodeImage(png, &image, {}, &report));
  const absl::StatusOr<ImageHeader> header = ReadImageHeader(png);
  EXPECT_OK(header.status());
  EXPECT_EQ(header.ok() ? header->orientation_left : 0, report.orientation_left);
  return report.orientation_left;
}

TEST(CodecTest, ReadsTheExifThatImageMagickWritesIntoPngTexts) {
  const std::string exif = ExifOf(3, InlineSix());
  const std::string hex = absl::BytesToHexString(exif);
  for (bool compressed : {false, true}) {
    const auto turned = [&](absl::string_view text) {
      return OrientationLeft(PngWithText(std::string(text), compressed));
    };
    EXPECT_EQ(turned(absl::StrCat("\nexif\n      26\n", hex, "\n")), 6);
    // With the name that JPEG puts before it, in lines, in capitals.
    const std::string lines =
        absl::StrCat("457869660000", hex.substr(0, 20), "\n", hex.substr(20), "\n");
    EXPECT_EQ(turned(absl::StrCat("\nexif\n      32\n", lines)), 6);
    EXPECT_EQ(turned(absl::StrCat("\nexif\n32\n", absl::AsciiStrToUpper(lines))), 6);
    // Malformed: no digits, no lines, not hexadecimal, cut off.
    for (const std::string& text :
         {std::string("\nexif\n26\n"), hex, absl::StrCat("\nexif\n26\nx", hex),
          absl::StrCat("\nexif\n26\n", hex.substr(0, 35))}) {
      EXPECT_EQ(turned(text), 1) << text;
    }
  }
  // A text that unpacks to more than is read, and one whose stream is damaged.
  const std::string profile = absl::StrCat("\nexif\n26\n", hex, std::string(2 << 20, '\n'));
  EXPECT_EQ(OrientationLeft(PngWithText(profile, true)), 1);
  std::string damaged = PngWithText(absl::StrCat("\nexif\n26\n", hex), true);
  damaged[damaged.find("zTXt") + 4 + 23] = '\0';
  ASSERT_OK_AND_ASSIGN(const ImageHeader header, ReadImageHeader(damaged));
  EXPECT_EQ(header.orientation_left, 1);
}

TEST(CodecTest, CmykAndYcckAreReadInvertedAsAdobeWritesThem) {
  // Stored inverted: 255 is no ink. Half the key light and full light of each ink.
  const int size = 16;
  std::vector<uint8_t> cmyk;
  for (int i = 0; i < size * size; ++i) cmyk.insert(cmyk.end(), {255, 128, 0, 200});
  for (J_COLOR_SPACE stored : {JCS_CMYK, JCS_YCCK}) {
    RgbImage image;
    ASSERT_OK(DecodeImage(MakeCmykJpeg(size, size, cmyk, stored), &image));
    // light = key * ink / 255; a level or two for the DCT and YCCK.
    EXPECT_NEAR(image.At(5, 5)[0], 200, 2);
    EXPECT_NEAR(image.At(5, 5)[1], 200 * 128 / 255, 2);
    EXPECT_NEAR(image.At(5, 5)[2], 0, 2);
  }
}

TEST(CodecTest, PngOfEveryColourTypeBecomesRgb) {
  RgbImage image;
  // Gray of 1 bit: black, white.
  ASSERT_OK(DecodeImage(MakePng(1, 2, 1, PNG_COLOR_TYPE_GRAY, {std::string("\x40", 1)}), &image));
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{0, 0, 0, 255, 255, 255}));
  // Gray of 4 bits: 3 and 15 of 15.
  ASSERT_OK(DecodeImage(MakePng(1, 2, 4, PNG_COLOR_TYPE_GRAY, {std::string("\x3f", 1)}), &image));
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{51, 51, 51, 255, 255, 255}));
  // Gray of 16 bits: the upper byte.
  ASSERT_OK(
      DecodeImage(MakePng(1, 1, 16, PNG_COLOR_TYPE_GRAY, {std::string("\x80\xff", 2)}), &image));
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{128, 128, 128}));
  // RGB of 16 bits.
  ASSERT_OK(DecodeImage(
      MakePng(1, 1, 16, PNG_COLOR_TYPE_RGB, {std::string("\x01\xff\x02\xff\x03\xff", 6)}), &image));
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{1, 2, 3}));
  // Gray with alpha, and RGB with a fully transparent pixel: the alpha is dropped.
  ASSERT_OK(DecodeImage(MakePng(1, 1, 8, PNG_COLOR_TYPE_GRAY_ALPHA, {std::string("\x07\x00", 2)}),
                        &image));
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{7, 7, 7}));
  ASSERT_OK(DecodeImage(
      MakePng(1, 1, 8, PNG_COLOR_TYPE_RGB_ALPHA, {std::string("\x09\x08\x07\x00", 4)}), &image));
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{9, 8, 7}));
  // A palette of 2 bits with a transparent entry.
  const auto palette = [](png_structp png, png_infop info) {
    png_color colors[3] = {{1, 2, 3}, {4, 5, 6}, {7, 8, 9}};
    png_byte alpha[1] = {0};
    png_set_PLTE(png, info, colors, 3);
    png_set_tRNS(png, info, alpha, 1, nullptr);
  };
  ASSERT_OK(DecodeImage(MakePng(1, 3, 2, PNG_COLOR_TYPE_PALETTE, {std::string("\x18", 1)}, palette),
                        &image));
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{1, 2, 3, 4, 5, 6, 7, 8, 9}));
}

TEST(CodecTest, InterlacedPngEqualsThePlainOne) {
  const RgbImage image = Ramp(19, 23);
  std::vector<std::string> rows;
  for (int y = 0; y < image.height; ++y) {
    rows.emplace_back(reinterpret_cast<const char*>(image.At(y, 0)), size_t{3} * image.width);
  }
  RgbImage decoded;
  ASSERT_OK(
      DecodeImage(MakePng(19, 23, 8, PNG_COLOR_TYPE_RGB, rows, {}, PNG_INTERLACE_ADAM7), &decoded));
  EXPECT_TRUE(decoded == image);
}

TEST(CodecTest, EveryTruncationIsAnErrorUntilThePixelsAreComplete) {
  const RgbImage image = Ramp(20, 20);
  ASSERT_OK_AND_ASSIGN(const std::string png, EncodePng(image));
  ASSERT_OK_AND_ASSIGN(const std::string jpeg, EncodeJpeg(image, 90));
  for (const std::string& file : {png, jpeg}) {
    RgbImage whole;
    ASSERT_OK(DecodeImage(file, &whole));
    for (size_t size = 0; size < file.size(); ++size) {
      RgbImage decoded;
      DecodeReport report;
      const absl::Status status =
          DecodeImage(absl::string_view(file).substr(0, size), &decoded, {}, &report);
      if (status.ok()) {
        // Only the end marker of a JPEG and what follows the pixels of a PNG (their checksum,
        // IEND).
        EXPECT_GE(size + (file == png ? 16 : 2), file.size());
        EXPECT_TRUE(decoded == whole);
        EXPECT_THAT(report.remarks, ElementsAre(kCutBehindPixels));
      } else {
        EXPECT_THAT(status, StatusIs(kBad, testing::Not("")));
        EXPECT_EQ(decoded.height, 0);
      }
    }
  }
}

TEST(CodecTest, WhatStandsBehindTheEndIsNotReadButReported) {
  const RgbImage image = Ramp(20, 20);
  ASSERT_OK_AND_ASSIGN(const std::string png, EncodePng(image));
  ASSERT_OK_AND_ASSIGN(const std::string jpeg, EncodeJpeg(image, 90));
  for (const std::string& file : {png, jpeg}) {
    RgbImage whole, decoded;
    DecodeReport clean, odd;
    ASSERT_OK(DecodeImage(file, &whole, {}, &clean));
    EXPECT_THAT(clean.remarks, testing::IsEmpty());
    ASSERT_OK(DecodeImage(absl::StrCat(file, "more"), &decoded, {}, &odd));
    EXPECT_TRUE(decoded == whole);
    EXPECT_THAT(odd.remarks, ElementsAre(kBytesBehindEnd));
  }
}

// As a download that broke off and was closed properly (Pets' beagle_116.jpg).
std::string CutInside(const std::string& jpeg) {
  return absl::StrCat(jpeg.substr(0, jpeg.size() * 3 / 4), "\xff\xd9");
}

TEST(CodecTest, AJpegThatIsDamagedInsideIsDecodedAsFarAsItGoes) {
  ASSERT_OK_AND_ASSIGN(const std::string jpeg, EncodeJpeg(Ramp(64, 48), 95));
  RgbImage whole, decoded;
  ASSERT_OK(DecodeImage(jpeg, &whole));
  DecodeReport report;
  ASSERT_OK(DecodeImage(CutInside(jpeg), &decoded, {}, &report));
  EXPECT_THAT(report.remarks, ElementsAre(kDamagedData));
  ASSERT_EQ(decoded.height, 64);
  EXPECT_TRUE(std::equal(whole.At(0, 0), whole.At(16, 0), decoded.At(0, 0)));
  EXPECT_FALSE(decoded == whole);
  // A record of it, and parts of it, give the same pixels.
  RgbImage again;
  ASSERT_OK(DecodeImage(CutInside(jpeg), v1::JPEG, 64, 48, &again));
  EXPECT_TRUE(again == decoded);
  for (const Box box : {Box{0, 0, 64, 48}, Box{56, 40, 8, 8}, Box{30, 5, 20, 20}}) {
    ImageRegion region;
    ASSERT_OK(DecodeRegion(CutInside(jpeg), v1::JPEG, 64, 48, {box, 0}, &region));
    for (int y = box.top; y < box.top + box.height; ++y) {
      EXPECT_TRUE(std::equal(decoded.At(y, box.left), decoded.At(y, box.left) + 3 * box.width,
                             region.pixels.At(y - region.top, box.left - region.left)));
    }
    // At a fraction of the resolution what is decoded does not depend on the box.
    ImageRegion small, all;
    ASSERT_OK(DecodeRegion(CutInside(jpeg), v1::JPEG, 64, 48, {box, 2}, &small));
    ASSERT_OK(DecodeRegion(CutInside(jpeg), v1::JPEG, 64, 48, {{0, 0, 64, 48}, 2}, &all));
    const int row = box.top / 2 + 1, column = box.left / 2 + 1;
    EXPECT_TRUE(std::equal(all.pixels.At(row, column), all.pixels.At(row, column) + 3,
                           small.pixels.At(row - small.top, column - small.left)));
  }
}

// With the last byte of the checksum of the first such chunk changed.
std::string WithWrongChecksum(std::string png, const std::string& type) {
  const size_t name = png.find(type);
  uint32_t length = 0;
  for (size_t i = 0; i < 4; ++i) length = length << 8 | static_cast<uint8_t>(png[name - 4 + i]);
  png[name + 4 + length + 3] ^= 1;
  return png;
}

TEST(CodecTest, WrongChecksumsOfAPngAreTakenAsPillowTakesThem) {
  const RgbImage image = Ramp(20, 20);
  ASSERT_OK_AND_ASSIGN(const std::string png, EncodePng(image));
  RgbImage decoded;
  DecodeReport report;
  // Of the pixels: zlib's own checksum is what counts.
  ASSERT_OK(DecodeImage(WithWrongChecksum(png, "IDAT"), &decoded, {}, &report));
  EXPECT_TRUE(decoded == image);
  EXPECT_THAT(report.remarks, ElementsAre(kDamagedData));
  // Before the pixels: refused where a file comes in; a record was accepted once.
  const std::string text("\0\0\0\3tEXta\0b\0\0\0\0", 15);
  const std::string with_text = png.substr(0, 33) + text + png.substr(33);
  EXPECT_THAT(DecodeImage(with_text, &decoded, {}, &report),
              StatusIs(kBad, HasSubstr("checksum before the pixels")));
  ASSERT_OK(DecodeImage(with_text, v1::PNG, 20, 20, &decoded));
  EXPECT_TRUE(decoded == image);
  EXPECT_THAT(DecodeImage(WithWrongChecksum(png, "IHDR"), &decoded), StatusIs(kBad, Not("")));
}

TEST(CodecTest, TransparencyIsDroppedAndReportedOnlyWhereAPixelHasIt) {
  const auto remarks = [](int color_type, const std::string& row) {
    RgbImage image;
    DecodeReport report;
    EXPECT_OK(DecodeImage(MakePng(1, 1, 8, color_type, {row}), &image, {}, &report));
    RgbImage plain;
    EXPECT_OK(DecodeImage(MakePng(1, 1, 8, color_type, {row}), &plain));
    EXPECT_TRUE(image == plain);
    return report.remarks;
  };
  EXPECT_THAT(remarks(PNG_COLOR_TYPE_RGB_ALPHA, "\x09\x08\x07\xff"), testing::IsEmpty());
  EXPECT_THAT(remarks(PNG_COLOR_TYPE_RGB_ALPHA, "\x09\x08\x07\xfe"), ElementsAre(kTransparent));
  EXPECT_THAT(remarks(PNG_COLOR_TYPE_GRAY_ALPHA, "\x09\x10"), ElementsAre(kTransparent));
  const auto palette = [](png_structp png, png_infop info) {
    png_color colors[2] = {{1, 2, 3}, {4, 5, 6}};
    png_byte alpha[1] = {0};
    png_set_PLTE(png, info, colors, 2);
    png_set_tRNS(png, info, alpha, 1, nullptr);
  };
  for (const bool used : {false, true}) {
    RgbImage image;
    DecodeReport report;
    ASSERT_OK(DecodeImage(
        MakePng(1, 1, 8, PNG_COLOR_TYPE_PALETTE, {std::string(1, used ? '\0' : '\1')}, palette),
        &image, {}, &report));
    EXPECT_EQ(report.remarks.size(), used ? 1 : 0);
    EXPECT_EQ(image.pixels[0], used ? 1 : 4);
  }
}

TEST(CodecTest, GrayOf16BitsIsReported) {
  const auto remarks = [](int bits, int color_type, const std::string& row) {
    RgbImage image;
    DecodeReport report;
    EXPECT_OK(DecodeImage(MakePng(1, 1, bits, color_type, {row}), &image, {}, &report));
    return report.remarks;
  };
  const std::string row = "\x80\xff\xff\xff\xff\xff";
  EXPECT_THAT(remarks(16, PNG_COLOR_TYPE_GRAY, row), ElementsAre(kDeepGray));
  EXPECT_THAT(remarks(16, PNG_COLOR_TYPE_GRAY_ALPHA, row), ElementsAre(kDeepGray));
  EXPECT_THAT(remarks(16, PNG_COLOR_TYPE_RGB, row), testing::IsEmpty());
  EXPECT_THAT(remarks(8, PNG_COLOR_TYPE_GRAY, row), testing::IsEmpty());
}

TEST(CodecTest, FlippedBitsNeverCrash) {
  const RgbImage image = Ramp(20, 20);
  ASSERT_OK_AND_ASSIGN(const std::string png, EncodePng(image));
  ASSERT_OK_AND_ASSIGN(const std::string jpeg, EncodeJpeg(image, 90));
  int refused = 0;
  for (std::string file : {png, jpeg}) {
    for (size_t bit = 0; bit < file.size() * 8; bit += 5) {
      file[bit / 8] ^= static_cast<char>(1 << bit % 8);
      RgbImage decoded;
      const absl::Status status = DecodeImage(file, &decoded, {.max_pixels = 1000000});
      if (!status.ok()) ++refused;
      file[bit / 8] ^= static_cast<char>(1 << bit % 8);
    }
  }
  // PNG has checksums; JPEG has none, and most of its flips only change pixels.
  EXPECT_GT(refused, static_cast<int>(png.size()));
}

uint32_t PngCrc(absl::string_view bytes) {
  uint32_t crc = 0xffffffff;
  for (char c : bytes) {
    crc ^= static_cast<uint8_t>(c);
    for (int i = 0; i < 8; ++i) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

TEST(CodecTest, RefusesAHeaderThatClaimsMorePixelsThanTheLimit) {
  const RgbImage image = Ramp(8, 8);
  ASSERT_OK_AND_ASSIGN(std::string png, EncodePng(image));
  // IHDR: length, type, width, height (big-endian) from byte 16, checksum at 29.
  const std::string side("\0\0\x4e\x20", 4);
  png.replace(16, 4, side).replace(20, 4, side);
  const uint32_t crc = PngCrc(absl::string_view(png).substr(12, 17));
  for (int i = 0; i < 4; ++i) png[29 + i] = static_cast<char>(crc >> (24 - 8 * i));
  ASSERT_OK_AND_ASSIGN(std::string jpeg, EncodeJpeg(image, 90));
  // SOF0: marker, length (2), precision (1), height (2), width (2).
  const size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  jpeg.replace(frame + 5, 4, "\x4e\x20\x4e\x20");
  for (const std::string& file : {png, jpeg}) {
    RgbImage decoded;
    EXPECT_THAT(DecodeImage(file, &decoded),
                StatusIs(kBad, AllOf(HasSubstr("20000x20000 are 400000000 pixels"),
                                     HasSubstr("limit of 178956970"))));
    EXPECT_EQ(decoded.pixels.capacity(), 0);
    ASSERT_OK_AND_ASSIGN(const ImageHeader header, ReadImageHeader(file));
    EXPECT_EQ(header.height, 20000);
  }
}

TEST(CodecTest, SaysWhatIsWrongWithBytesThatAreNoImage) {
  RgbImage image;
  EXPECT_THAT(DecodeImage("", &image), StatusIs(kBad, HasSubstr("empty")));
  EXPECT_THAT(DecodeImage("GIF89a.....", &image),
              StatusIs(kBad, HasSubstr("neither a JPEG nor a PNG")));
  EXPECT_THAT(DecodeImage("\xff\xd8\xff\xd9", &image), StatusIs(kBad, HasSubstr("JPEG: ")));
}

TEST(CodecTest, ARecordThatDisagreesWithItsPixelsIsRefused) {
  const RgbImage image = Ramp(4, 6);
  RgbImage decoded;
  ASSERT_OK_AND_ASSIGN(const std::string png, EncodePng(image));
  EXPECT_THAT(DecodeImage(png, v1::PNG, 6, 4, &decoded),
              StatusIs(kBad, HasSubstr("the record says 6x4 pixels, the image has 4x6")));
  EXPECT_THAT(DecodeImage(png, v1::JPEG, 4, 6, &decoded), StatusIs(kBad, HasSubstr("JPEG")));
  EXPECT_THAT(DecodeImage("abc", v1::RAW_RGB8, 4, 6, &decoded),
              StatusIs(kBad, HasSubstr("3 bytes are not 4 x 6 x 3")));
}

TEST(CodecTest, RefusesToEncodeWhatTheFormatCannotHold) {
  const RgbImage image = Ramp(4, 4);
  const auto refused = absl::StatusCode::kInvalidArgument;
  EXPECT_THAT(EncodeJpeg(image, 0), StatusIs(refused, HasSubstr("quality 0")));
  EXPECT_THAT(EncodeJpeg(RgbImage(), 90), StatusIs(refused, HasSubstr("0x0")));
  EXPECT_THAT(EncodePng(RgbImage()), StatusIs(refused, HasSubstr("0x0")));
}

}  // namespace
}  // namespace cassle
