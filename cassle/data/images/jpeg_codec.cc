#include "cassle/data/images/jpeg_codec.h"

#include <algorithm>
#include <csetjmp>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

// libjpeg needs <cstdio> before it.
#include <jpeglib.h>

#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "cassle/data/images/exif.h"
#include "cassle/data/images/ink.h"
#include "cassle/data/images/jpeg_errors.h"
#include "cassle/data/images/xmp.h"

namespace cassle {
namespace {

// A progressive file of a few bytes per scan can ask for thousands of passes over a large image.
constexpr int kMaxScans = 500;

void CheckScans(j_common_ptr jpeg) {
  if (reinterpret_cast<j_decompress_ptr>(jpeg)->input_scan_number <= kMaxScans) return;
  auto* errors = reinterpret_cast<JpegErrors*>(jpeg->err);
  std::snprintf(errors->message, sizeof(errors->message), "more than %d scans", kMaxScans);
  std::longjmp(errors->jump, 1);
}

// Columns and rows decoded around a region, enough for the upsampling of any chroma layout.
constexpr int kRegionMargin = 16;

// Four bytes a pixel, stored inverted (255 = no ink) as Adobe does, to RGB.
void InvertedCmykToRgb(const uint8_t* cmyk, int width, uint8_t* rgb) {
  for (int x = 0; x < width; ++x, cmyk += 4, rgb += 3) {
    const int white = cmyk[3];
    for (int c = 0; c < 3; ++c) rgb[c] = InkToLight(255 - cmyk[c], white);
  }
}

// In place, from the last pixel to the first.
void SpreadGray(uint8_t* row, int width) {
  for (int x = width - 1; x >= 0; --x) row[3 * x] = row[3 * x + 1] = row[3 * x + 2] = row[x];
}

class JpegReader {
 public:
  explicit JpegReader(absl::string_view bytes) : bytes_(bytes) {
    std::memset(&jpeg_, 0, sizeof(jpeg_));
    std::memset(&progress_, 0, sizeof(progress_));
    progress_.progress_monitor = CheckScans;
    InstallErrors(&errors_);
    jpeg_.err = &errors_.manager;
  }
  ~JpegReader() { jpeg_destroy_decompress(&jpeg_); }
  JpegReader(const JpegReader&) = delete;
  JpegReader& operator=(const JpegReader&) = delete;

  absl::Status ReadHeader() {
    if (!TryHeader()) return Error();
    if (jpeg_.num_components != 1 && jpeg_.num_components != 3 && jpeg_.num_components != 4) {
      return absl::DataLossError(
          absl::StrCat("JPEG: ", jpeg_.num_components, " colour components; 1, 3 or 4 are known"));
    }
    FindOrientation();
    return absl::OkStatus();
  }

  // After ReadHeader.
  ImageHeader header() const {
    const bool swap = ExifSwapsSides(orientation_);
    const int height = static_cast<int>(jpeg_.image_height);
    const int width = static_cast<int>(jpeg_.image_width);
    return {v1::JPEG, swap ? width : height, swap ? height : width, orientation_,
            orientation_left_};
  }

  // After ReadHeader. As stored, before the orientation.
  absl::Status ReadPixels(RgbImage* image) {
    image->Resize(static_cast<int>(jpeg_.image_height), static_cast<int>(jpeg_.image_width));
    if (jpeg_.num_components == 4) cmyk_row_.resize(size_t{4} * jpeg_.image_width);
    return TryPixels(image) ? absl::OkStatus() : Error();
  }

  // After ReadPixels.
  void Report(DecodeReport* report) const {
    report->orientation_left = orientation_left_;
    if (errors_.damaged) report->Add(kDamagedData);
    if (errors_.stray_bytes) report->Add(kStrayBytes);
    if (errors_.cut) report->Add(kCutBehindPixels);
    if (!errors_.cut && bytes_left_ > 0) report->Add(kBytesBehindEnd);
  }

  bool damaged() const { return errors_.damaged; }

  // After ReadHeader, instead of ReadPixels. `region` gets at least the wanted box.
  absl::Status ReadRegion(const RegionRequest& request, ImageRegion* region) {
    return TryRegion(request, region) ? absl::OkStatus() : Error();
  }

  // Can only a part be decoded, and scaled? Not where all pixels are needed at once. Where scans of
  // a progressive file are missing, libjpeg smooths over block edges, and would take the edge of
  // what it decodes for the edge of the image.
  bool HasRegions(bool fast) const {
    return orientation_ == 1 && jpeg_.num_components != 4 && (fast || !jpeg_.progressive_mode);
  }

 private:
  void FindOrientation() {
    absl::string_view xmp;
    bool has_exif = false;
    for (jpeg_saved_marker_ptr marker = jpeg_.marker_list; marker != nullptr;
         marker = marker->next) {
      if (marker->marker != JPEG_APP0 + 1) continue;
      absl::string_view payload(reinterpret_cast<const char*>(marker->data), marker->data_length);
      if (!has_exif && payload.substr(0, 4) == "Exif") {
        has_exif = true;
        const ExifOrientation exif = ReadExifOrientation(payload);
        (exif.is_short ? orientation_ : orientation_left_) = exif.value;
        if (exif.found) return;
      } else if (absl::ConsumePrefix(&payload, kXmpOfJpeg)) {
        xmp = payload;
      }
    }
    orientation_left_ = ReadXmpOrientation(xmp);
  }

  absl::Status Error() const {
    return absl::DataLossError(absl::StrCat("JPEG: ", errors_.message));
  }

  bool TryHeader() {
    if (setjmp(errors_.jump) != 0) return false;
    jpeg_create_decompress(&jpeg_);
    jpeg_.progress = &progress_;
    jpeg_mem_src(&jpeg_, reinterpret_cast<const unsigned char*>(bytes_.data()), bytes_.size());
    jpeg_save_markers(&jpeg_, JPEG_APP0 + 1, 0xFFFF);
    jpeg_read_header(&jpeg_, TRUE);
    return true;
  }

  bool TryPixels(RgbImage* image) {
    if (setjmp(errors_.jump) != 0) return false;
    const int components = jpeg_.num_components;
    jpeg_.out_color_space = components == 1 ? JCS_GRAYSCALE : components == 3 ? JCS_RGB : JCS_CMYK;
    jpeg_start_decompress(&jpeg_);
    while (jpeg_.output_scanline < jpeg_.output_height) {
      uint8_t* pixels = image->At(static_cast<int>(jpeg_.output_scanline), 0);
      JSAMPROW row = components == 4 ? cmyk_row_.data() : pixels;
      jpeg_read_scanlines(&jpeg_, &row, 1);
      if (components == 1) SpreadGray(pixels, image->width);
      if (components == 4) InvertedCmykToRgb(cmyk_row_.data(), image->width, pixels);
    }
    errors_.finishing = true;
    jpeg_finish_decompress(&jpeg_);
    bytes_left_ = jpeg_.src->bytes_in_buffer;
    return true;
  }

  bool TryRegion(const RegionRequest& request, ImageRegion* region) {
    if (setjmp(errors_.jump) != 0) return false;
    const bool fast = request.fast_denominator != 0;
    const int denominator = fast ? request.fast_denominator : 1;
    jpeg_.out_color_space = jpeg_.num_components == 1 ? JCS_GRAYSCALE : JCS_RGB;
    jpeg_.scale_num = 1;
    jpeg_.scale_denom = denominator;
    jpeg_.do_fancy_upsampling = fast ? FALSE : TRUE;
    jpeg_.do_block_smoothing = fast ? FALSE : TRUE;
    jpeg_start_decompress(&jpeg_);
    // Around the box, in pixels of the scaled image. Smooth upsampling looks at the neighbours, and
    // libjpeg takes the edge of what it decodes for the edge of the image: hence the margin.
    const int margin = fast ? 0 : kRegionMargin;
    const Box& box = request.box;
    const int top = std::max(box.top / denominator - margin, 0);
    const int left = std::max(box.left / denominator - margin, 0);
    const int height = static_cast<int>(jpeg_.output_height);
    const int width = static_cast<int>(jpeg_.output_width);
    const int bottom = std::min((box.top + box.height - 1) / denominator + 1, height);
    const int right = std::min((box.left + box.width - 1) / denominator + 1 + margin, width);
    JDIMENSION first_column = left;
    JDIMENSION columns = right - left;
    // Moves both outwards to whole blocks.
    jpeg_crop_scanline(&jpeg_, &first_column, &columns);
    if (top > 0) jpeg_skip_scanlines(&jpeg_, top);
    region->denominator = denominator;
    region->top = static_cast<int>(jpeg_.output_scanline);
    region->left = static_cast<int>(first_column);
    RgbImage& pixels = region->pixels;
    pixels.Resize(bottom - region->top, static_cast<int>(columns));
    for (int y = 0; y < pixels.height; ++y) {
      JSAMPROW row = pixels.At(y, 0);
      jpeg_read_scanlines(&jpeg_, &row, 1);
      if (jpeg_.num_components == 1) SpreadGray(row, pixels.width);
    }
    jpeg_abort_decompress(&jpeg_);
    return true;
  }

  const absl::string_view bytes_;
  jpeg_decompress_struct jpeg_;
  jpeg_progress_mgr progress_;
  JpegErrors errors_;
  int orientation_ = 1;
  int orientation_left_ = 1;
  size_t bytes_left_ = 0;
  std::vector<uint8_t> cmyk_row_;
};

}  // namespace

absl::StatusOr<ImageHeader> ReadJpegHeader(absl::string_view file_bytes) {
  JpegReader reader(file_bytes);
  absl::Status status = reader.ReadHeader();
  if (!status.ok()) return status;
  return reader.header();
}

absl::Status DecodeJpeg(absl::string_view file_bytes, const DecodeLimits& limits, RgbImage* image,
                        DecodeReport* report) {
  JpegReader reader(file_bytes);
  absl::Status status = reader.ReadHeader();
  if (!status.ok()) return status;
  const ImageHeader header = reader.header();
  status = CheckPixelLimit(header, limits);
  if (!status.ok()) return status;
  RgbImage stored = TakeMemory(image);
  status = reader.ReadPixels(&stored);
  if (!status.ok()) return status;
  if (report != nullptr) reader.Report(report);
  *image = header.orientation == 1 ? std::move(stored)
                                   : ApplyExifOrientation(stored, header.orientation);
  return absl::OkStatus();
}

absl::Status DecodeJpegRegion(absl::string_view file_bytes, const RegionRequest& request,
                              const DecodeLimits& limits, ImageRegion* region) {
  JpegReader reader(file_bytes);
  absl::Status status = reader.ReadHeader();
  if (!status.ok()) return status;
  const ImageHeader header = reader.header();
  status = CheckPixelLimit(header, limits);
  if (!status.ok()) return status;
  if (header.height != region->image_height || header.width != region->image_width) {
    return absl::DataLossError(absl::StrCat("the record says ", region->image_height, "x",
                                            region->image_width, " pixels, the image has ",
                                            header.height, "x", header.width));
  }
  const bool fast = request.fast_denominator != 0;
  if (reader.HasRegions(fast)) {
    status = reader.ReadRegion(request, region);
    if (!reader.damaged()) return status;
    // Skipping over damage may lose its place: read again without.
    if (fast) {
      JpegReader again(file_bytes);
      status = again.ReadHeader();
      if (!status.ok()) return status;
      const Box whole = {0, 0, header.height, header.width};
      return again.ReadRegion({whole, request.fast_denominator}, region);
    }
  }
  region->SetWhole();
  return DecodeJpeg(file_bytes, limits, &region->pixels, nullptr);
}

}  // namespace cassle
