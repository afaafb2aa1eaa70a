// TIFF by libtiff, which undoes the compression and the byte order; what the samples mean is
// decided here, as Pillow does: gray (also inverted), palette, RGB and CMYK of 1 to 16 bits, in
// strips or tiles, planes together or apart, with extra samples (alpha, dropped). YCbCr and what is
// rarer become RGB by libtiff itself. The first page; its orientation is applied.
#include <tiffio.h>

#include <algorithm>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/formats/file_format.h"
#include "cassle/data/images/ink.h"
#include "cassle/data/images/xmp.h"

namespace cassle {
namespace {

// No single buffer of libtiff for directories and compressed data is larger.
constexpr tmsize_t kMaxAllocation = tmsize_t{256} << 20;

// A file in memory, as libtiff wants to read it, and where its complaints go.
struct TiffFile {
  absl::string_view bytes;
  uint64_t position = 0;
  std::string message;
};

TiffFile* FileOf(thandle_t handle) { return static_cast<TiffFile*>(handle); }

tmsize_t Read(thandle_t handle, void* out, tmsize_t size) {
  TiffFile* file = FileOf(handle);
  if (size <= 0 || file->position >= file->bytes.size()) return 0;
  const size_t count = std::min<uint64_t>(size, file->bytes.size() - file->position);
  std::memcpy(out, file->bytes.data() + file->position, count);
  file->position += count;
  return static_cast<tmsize_t>(count);
}

tmsize_t Write(thandle_t, void*, tmsize_t) { return 0; }

toff_t Seek(thandle_t handle, toff_t offset, int whence) {
  TiffFile* file = FileOf(handle);
  const uint64_t from = whence == SEEK_SET   ? 0
                        : whence == SEEK_CUR ? file->position
                                             : uint64_t{file->bytes.size()};
  file->position = from + offset;
  return file->position;
}

int Close(thandle_t) { return 0; }

toff_t Size(thandle_t handle) { return FileOf(handle)->bytes.size(); }

// The first complaint says most.
int OnError(TIFF*, void* user, const char*, const char* format, va_list arguments) {
  auto* file = static_cast<TiffFile*>(user);
  if (!file->message.empty()) return 1;
  char text[256];
  std::vsnprintf(text, sizeof(text), format, arguments);
  file->message = text;
  return 1;
}

int OnWarning(TIFF*, void*, const char*, const char*, va_list) { return 1; }

class TiffReader {
 public:
  explicit TiffReader(absl::string_view bytes) { file_.bytes = bytes; }
  ~TiffReader() {
    if (tiff_ != nullptr) TIFFClose(tiff_);
  }
  TiffReader(const TiffReader&) = delete;
  TiffReader& operator=(const TiffReader&) = delete;

  absl::Status ReadHeader() {
    const std::unique_ptr<TIFFOpenOptions, decltype(&TIFFOpenOptionsFree)> options(
        TIFFOpenOptionsAlloc(), TIFFOpenOptionsFree);
    TIFFOpenOptionsSetMaxSingleMemAlloc(options.get(), kMaxAllocation);
    TIFFOpenOptionsSetErrorHandlerExtR(options.get(), OnError, &file_);
    TIFFOpenOptionsSetWarningHandlerExtR(options.get(), OnWarning, nullptr);
    tiff_ = TIFFClientOpenExt("image", "rm", &file_, Read, Write, Seek, Close, Size, nullptr,
                              nullptr, options.get());
    if (tiff_ == nullptr) return Error();
    if (TIFFGetField(tiff_, TIFFTAG_IMAGEWIDTH, &width_) == 0 ||
        TIFFGetField(tiff_, TIFFTAG_IMAGELENGTH, &height_) == 0 || width_ < 1 || height_ < 1 ||
        width_ > INT32_MAX || height_ > INT32_MAX) {
      return absl::DataLossError("it has no width and height");
    }
    uint16_t orientation = 1;
    uint32_t xmp_size = 0;
    const char* xmp = nullptr;
    if (TIFFGetField(tiff_, TIFFTAG_ORIENTATION, &orientation) == 0 &&
        TIFFGetField(tiff_, TIFFTAG_XMLPACKET, &xmp_size, &xmp) != 0) {
      orientation = ReadXmpOrientation({xmp, xmp_size});
    }
    header_ = {v1::IMAGE_FORMAT_UNSPECIFIED, static_cast<int>(height_), static_cast<int>(width_),
               orientation <= 8 ? std::max<int>(orientation, 1) : 1};
    return absl::OkStatus();
  }

  const ImageHeader& header() const { return header_; }

  // After ReadHeader.
  absl::Status ReadPixels(RgbImage* image, DecodeReport* report) {
    CASSLE_RETURN_IF_ERROR(ReadLayout());
    image->Resize(header_.height, header_.width);
    CASSLE_RETURN_IF_ERROR(by_libtiff_ ? ReadByLibtiff(image) : ReadChunks(image));
    if (transparent_) report->Add(kTransparent);
    if (bits_ == 16 && used_ == 1 && colors_.empty()) report->Add(kDeepGray);
    // Behind the first, of which there is always one.
    if (TIFFLastDirectory(tiff_) == 0) report->Add(kSeveralFrames);
    return absl::OkStatus();
  }

 private:
  absl::Status Error() const {
    return absl::DataLossError(file_.message.empty() ? "damaged" : file_.message);
  }

  // What the samples are.
  absl::Status ReadLayout() {
    uint16_t sample_format = SAMPLEFORMAT_UINT;
    uint16_t compression = COMPRESSION_NONE;
    uint16_t planar = PLANARCONFIG_CONTIG;
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_BITSPERSAMPLE, &bits_);
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_SAMPLESPERPIXEL, &samples_);
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_SAMPLEFORMAT, &sample_format);
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_COMPRESSION, &compression);
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_PLANARCONFIG, &planar);
    if (TIFFGetField(tiff_, TIFFTAG_PHOTOMETRIC, &photometric_) == 0) {
      photometric_ = PHOTOMETRIC_MINISWHITE;
    }
    apart_ = planar == PLANARCONFIG_SEPARATE && samples_ > 1;
    if (sample_format != SAMPLEFORMAT_UINT && sample_format != SAMPLEFORMAT_VOID) {
      return absl::DataLossError(
          "its samples are signed or floating-point numbers, and it does not say which are black "
          "and white: convert it to 8 or 16 bits");
    }
    if (photometric_ == PHOTOMETRIC_YCBCR && compression == COMPRESSION_JPEG && !apart_) {
      TIFFSetField(tiff_, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
      photometric_ = PHOTOMETRIC_RGB;
    }
    used_ = photometric_ == PHOTOMETRIC_RGB ? 3 : photometric_ == PHOTOMETRIC_SEPARATED ? 4 : 1;
    const bool known = photometric_ <= PHOTOMETRIC_PALETTE || photometric_ == PHOTOMETRIC_SEPARATED;
    if (!known && photometric_ != PHOTOMETRIC_YCBCR) {
      return absl::DataLossError(
          absl::StrCat("colours of kind ", photometric_,
                       " are not known (gray, palette, RGB, CMYK and YCbCr are): convert it"));
    }
    // One may be alpha.
    if (known && used_ == 1 && samples_ > 2) {
      return absl::DataLossError(absl::StrCat("its pixels have ", samples_,
                                              " samples, which are bands and no colours: convert "
                                              "it to gray or RGB"));
    }
    const bool small = bits_ == 1 || bits_ == 2 || bits_ == 4;
    const bool fits = bits_ == 8 || (bits_ == 16 && photometric_ != PHOTOMETRIC_PALETTE) ||
                      (small && used_ == 1 && samples_ == 1);
    if (!known || !fits || samples_ < used_) {
      by_libtiff_ = true;
      return absl::OkStatus();
    }
    uint16_t extra_count = 0;
    uint16_t* extra = nullptr;
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_EXTRASAMPLES, &extra_count, &extra);
    if (samples_ > used_) {
      const uint16_t kind = extra_count > 0 ? extra[0] : uint16_t{EXTRASAMPLE_UNASSALPHA};
      has_alpha_ = kind != EXTRASAMPLE_UNSPECIFIED;
      premultiplied_ = kind == EXTRASAMPLE_ASSOCALPHA;
    }
    return photometric_ == PHOTOMETRIC_PALETTE ? ReadPalette() : absl::OkStatus();
  }

  absl::Status ReadPalette() {
    uint16_t* red = nullptr;
    uint16_t* green = nullptr;
    uint16_t* blue = nullptr;
    if (TIFFGetField(tiff_, TIFFTAG_COLORMAP, &red, &green, &blue) == 0) {
      return absl::DataLossError("the palette is missing");
    }
    for (int i = 0; i < 1 << bits_; ++i) {
      for (const uint16_t* channel : {red, green, blue}) {
        colors_.push_back(static_cast<uint8_t>(channel[i] >> 8));
      }
    }
    return absl::OkStatus();
  }

  uint32_t NumChunks() {
    return TIFFIsTiled(tiff_) != 0 ? TIFFNumberOfTiles(tiff_) : TIFFNumberOfStrips(tiff_);
  }

  // A strip or tile that is left out has no place: the beginning of the file would be read for it.
  absl::Status CheckIsThere(uint32_t index) {
    if (index < NumChunks() && TIFFGetStrileOffset(tiff_, index) > 0) return absl::OkStatus();
    return absl::DataLossError(
        absl::StrCat("its ", TIFFIsTiled(tiff_) != 0 ? "tile " : "strip ", index, " is missing"));
  }

  // Strips and tiles alike: rectangles of pixels, which may reach over the right and lower edge.
  absl::Status ReadChunks(RgbImage* image) {
    const bool tiled = TIFFIsTiled(tiff_) != 0;
    uint32_t rows = header_.height;
    uint32_t columns = header_.width;
    if (tiled) {
      TIFFGetField(tiff_, TIFFTAG_TILELENGTH, &rows);
      TIFFGetField(tiff_, TIFFTAG_TILEWIDTH, &columns);
    } else {
      TIFFGetFieldDefaulted(tiff_, TIFFTAG_ROWSPERSTRIP, &rows);
      rows = std::min(rows, height_);
    }
    const tmsize_t row_bytes = tiled ? TIFFTileRowSize(tiff_) : TIFFScanlineSize(tiff_);
    const int in_row = apart_ ? 1 : samples_;
    if (rows < 1 || columns < 1 || row_bytes < 1 ||
        static_cast<uint64_t>(row_bytes) < (uint64_t{columns} * in_row * bits_ + 7) / 8) {
      return absl::DataLossError("its strips or tiles are empty");
    }
    // A tile may be larger than the image, but not much.
    const uint64_t chunk_bytes = uint64_t{rows} * static_cast<uint64_t>(row_bytes);
    const uint64_t plane_bytes = uint64_t{2} * height_ * width_ * in_row;
    if (chunk_bytes > plane_bytes + (uint64_t{16} << 20)) {
      return absl::DataLossError("its tiles are much larger than the image");
    }
    const int kept = used_ + (has_alpha_ ? 1 : 0);
    std::vector<uint8_t> chunk(chunk_bytes);
    std::vector<uint8_t> row_samples(size_t{columns} * kept);
    std::vector<uint8_t> samples(apart_ ? rows * row_samples.size() : 0);
    for (uint32_t top = 0; top < height_; top += rows) {
      for (uint32_t left = 0; left < width_; left += columns) {
        const uint32_t used_rows = std::min(rows, height_ - top);
        const uint32_t used_columns = std::min(columns, width_ - left);
        for (int plane = 0; plane < (apart_ ? kept : 1); ++plane) {
          const tmsize_t wanted = static_cast<tmsize_t>((tiled ? rows : used_rows)) * row_bytes;
          const auto sample = static_cast<uint16_t>(plane);
          const uint32_t index = tiled ? TIFFComputeTile(tiff_, left, top, 0, sample)
                                       : TIFFComputeStrip(tiff_, top, sample);
          CASSLE_RETURN_IF_ERROR(CheckIsThere(index));
          const tmsize_t got = tiled ? TIFFReadEncodedTile(tiff_, index, chunk.data(), wanted)
                                     : TIFFReadEncodedStrip(tiff_, index, chunk.data(), wanted);
          if (got < wanted) return Error();
          for (uint32_t y = 0; y < used_rows; ++y) {
            const uint8_t* row = chunk.data() + y * row_bytes;
            if (apart_) {
              Unpack(row, used_columns, 0, 1, &samples[y * row_samples.size() + plane], kept);
              continue;
            }
            for (int s = 0; s < kept; ++s) {
              Unpack(row, used_columns, s, samples_, &row_samples[s], kept);
            }
            ToRgb(row_samples.data(), used_columns, kept,
                  image->At(static_cast<int>(top + y), static_cast<int>(left)));
          }
        }
        for (uint32_t y = 0; y < used_rows && apart_; ++y) {
          ToRgb(&samples[y * row_samples.size()], used_columns, kept,
                image->At(static_cast<int>(top + y), static_cast<int>(left)));
        }
      }
    }
    return absl::OkStatus();
  }

  // One sample of every pixel of a row to 8 bits (an index of a palette stays one).
  //   first, step  of the row's samples, to every step_out-th of `out`.
  void Unpack(const uint8_t* row, uint32_t columns, int first, int step, uint8_t* out,
              int step_out) const {
    const int scale = colors_.empty() ? 255 / ((1 << std::min<int>(bits_, 8)) - 1) : 1;
    for (uint32_t x = 0; x < columns; ++x) {
      const size_t at = size_t{x} * step + first;
      int value = 0;
      if (bits_ == 8) {
        value = row[at];
      } else if (bits_ == 16) {
        uint16_t wide = 0;
        std::memcpy(&wide, row + 2 * at, 2);
        value = wide >> 8;
      } else {
        const size_t bit = at * bits_;
        value = (row[bit / 8] >> (8 - bits_ - bit % 8) & ((1 << bits_) - 1)) * scale;
      }
      out[size_t{x} * step_out] = static_cast<uint8_t>(value);
    }
  }

  void ToRgb(const uint8_t* samples, uint32_t columns, int kept, uint8_t* rgb) {
    for (uint32_t x = 0; x < columns; ++x, samples += kept, rgb += 3) {
      for (int c = 0; c < 3; ++c) {
        switch (photometric_) {
          case PHOTOMETRIC_MINISWHITE:
            rgb[c] = static_cast<uint8_t>(255 - samples[0]);
            break;
          case PHOTOMETRIC_PALETTE:
            rgb[c] = colors_[size_t{3} * samples[0] + c];
            break;
          case PHOTOMETRIC_SEPARATED:
            rgb[c] = InkToLight(samples[c], 255 - samples[3]);
            break;
          default:
            rgb[c] = samples[used_ == 3 ? c : 0];
        }
      }
      if (!has_alpha_ || samples[used_] == 255) continue;
      transparent_ = true;
      for (int c = 0; c < 3 && premultiplied_; ++c) {
        const int alpha = samples[used_];
        rgb[c] = static_cast<uint8_t>(alpha == 0 ? 0 : std::min(rgb[c] * 255 / alpha, 255));
      }
    }
  }

  absl::Status ReadByLibtiff(RgbImage* image) {
    char reason[1024] = "";
    if (TIFFRGBAImageOK(tiff_, reason) == 0) return absl::DataLossError(reason);
    uint16_t compression = COMPRESSION_NONE;
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_COMPRESSION, &compression);
    // JPEG of the old kind may have its place in tags of its own.
    for (uint32_t i = 0; i < NumChunks() && compression != COMPRESSION_OJPEG; ++i) {
      CASSLE_RETURN_IF_ERROR(CheckIsThere(i));
    }
    std::vector<uint32_t> raster(size_t{width_} * height_);
    // As stored: the orientation is applied later.
    uint16_t orientation = 1;
    TIFFGetFieldDefaulted(tiff_, TIFFTAG_ORIENTATION, &orientation);
    if (TIFFReadRGBAImageOriented(tiff_, width_, height_, raster.data(), orientation, 1) == 0) {
      return Error();
    }
    uint8_t* rgb = image->pixels.data();
    for (const uint32_t pixel : raster) {
      *rgb++ = TIFFGetR(pixel);
      *rgb++ = TIFFGetG(pixel);
      *rgb++ = TIFFGetB(pixel);
    }
    return absl::OkStatus();
  }

  TiffFile file_;
  TIFF* tiff_ = nullptr;
  uint32_t height_ = 0;
  uint32_t width_ = 0;
  ImageHeader header_;
  uint16_t bits_ = 1;
  uint16_t samples_ = 1;
  uint16_t photometric_ = PHOTOMETRIC_MINISBLACK;
  // Each sample in a plane of its own.
  bool apart_ = false;
  bool by_libtiff_ = false;
  // Samples that make the colour.
  int used_ = 1;
  bool has_alpha_ = false;
  bool premultiplied_ = false;
  bool transparent_ = false;
  // R G B of every index.
  std::vector<uint8_t> colors_;
};

bool Matches(absl::string_view file) {
  const absl::string_view magic = file.substr(0, 4);
  return magic == absl::string_view("II*\0", 4) || magic == absl::string_view("MM\0*", 4) ||
         magic == absl::string_view("II+\0", 4) || magic == absl::string_view("MM\0+", 4);
}

absl::StatusOr<ImageHeader> ReadHeader(absl::string_view file) {
  TiffReader reader(file);
  CASSLE_RETURN_IF_ERROR(reader.ReadHeader());
  return reader.header();
}

absl::Status Decode(absl::string_view file, const ImageHeader&, RgbImage* image,
                    DecodeReport* report) {
  TiffReader reader(file);
  CASSLE_RETURN_IF_ERROR(reader.ReadHeader());
  return reader.ReadPixels(image, report);
}

}  // namespace

const FileFormat kTiffFormat = {"TIFF", Matches, ReadHeader, Decode};

}  // namespace cassle
