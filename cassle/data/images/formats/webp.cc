// WebP by libwebp: lossy, lossless, with alpha (dropped), animated (the first frame on its canvas,
// as libwebp's own player and Pillow show it).
#include <webp/decode.h>
#include <webp/demux.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "cassle/base/status_macros.h"
#include "cassle/data/images/exif.h"
#include "cassle/data/images/formats/file_format.h"
#include "cassle/data/images/xmp.h"

namespace cassle {
namespace {

using Demuxer = std::unique_ptr<WebPDemuxer, decltype(&WebPDemuxDelete)>;

WebPData Bytes(absl::string_view file) {
  return {reinterpret_cast<const uint8_t*>(file.data()), file.size()};
}

Demuxer Open(absl::string_view file) {
  const WebPData data = Bytes(file);
  return Demuxer(WebPDemux(&data), WebPDemuxDelete);
}

absl::Status EndsEarly() { return absl::DataLossError("the file is damaged or ends early"); }

absl::Status DecodeStill(WebPDemuxer* demuxer, RgbImage* image, DecodeReport* report) {
  WebPIterator frame;
  if (WebPDemuxGetFrame(demuxer, 1, &frame) == 0) return EndsEarly();
  const WebPData data = frame.fragment;
  const bool alpha = frame.has_alpha != 0;
  const bool whole = frame.width == image->width && frame.height == image->height;
  WebPDemuxReleaseIterator(&frame);
  WebPDecoderConfig config;
  if (!whole || WebPInitDecoderConfig(&config) == 0) return EndsEarly();
  std::vector<uint8_t> rgba(alpha ? image->pixels.size() / 3 * 4 : 0);
  config.output.colorspace = alpha ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = alpha ? rgba.data() : image->pixels.data();
  config.output.u.RGBA.stride = (alpha ? 4 : 3) * image->width;
  config.output.u.RGBA.size = alpha ? rgba.size() : image->pixels.size();
  if (WebPDecode(data.bytes, data.size, &config) != VP8_STATUS_OK) return EndsEarly();
  if (alpha && DropAlpha(rgba, image)) report->Add(kTransparent);
  return absl::OkStatus();
}

absl::Status DecodeFirstFrame(absl::string_view file, RgbImage* image, DecodeReport* report) {
  const WebPData data = Bytes(file);
  const std::unique_ptr<WebPAnimDecoder, decltype(&WebPAnimDecoderDelete)> player(
      WebPAnimDecoderNew(&data, nullptr), WebPAnimDecoderDelete);
  uint8_t* rgba = nullptr;
  int milliseconds = 0;
  if (player == nullptr || WebPAnimDecoderGetNext(player.get(), &rgba, &milliseconds) == 0) {
    return EndsEarly();
  }
  if (DropAlpha({rgba, image->pixels.size() / 3 * 4}, image)) report->Add(kTransparent);
  return absl::OkStatus();
}

bool Matches(absl::string_view file) {
  return file.substr(0, 4) == "RIFF" && file.size() >= 12 && file.substr(8, 4) == "WEBP";
}

// A view into the file; empty if there is no such chunk.
absl::string_view ChunkOf(const WebPDemuxer* demuxer, const char* type) {
  WebPChunkIterator chunk;
  if (WebPDemuxGetChunk(demuxer, type, 1, &chunk) == 0) return {};
  const absl::string_view content(reinterpret_cast<const char*>(chunk.chunk.bytes),
                                  chunk.chunk.size);
  WebPDemuxReleaseChunkIterator(&chunk);
  return content;
}

absl::StatusOr<ImageHeader> ReadHeader(absl::string_view file) {
  const Demuxer demuxer = Open(file);
  if (demuxer == nullptr) return EndsEarly();
  ImageHeader header;
  header.height = static_cast<int>(WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_HEIGHT));
  header.width = static_cast<int>(WebPDemuxGetI(demuxer.get(), WEBP_FF_CANVAS_WIDTH));
  const ExifOrientation exif = ReadExifOrientation(ChunkOf(demuxer.get(), "EXIF"));
  header.orientation = exif.found ? exif.value : ReadXmpOrientation(ChunkOf(demuxer.get(), "XMP "));
  return header;
}

absl::Status Decode(absl::string_view file, const ImageHeader& header, RgbImage* image,
                    DecodeReport* report) {
  const Demuxer demuxer = Open(file);
  if (demuxer == nullptr) return EndsEarly();
  image->Resize(header.height, header.width);
  if (WebPDemuxGetI(demuxer.get(), WEBP_FF_FRAME_COUNT) > 1) report->Add(kSeveralFrames);
  // The length of what follows stands behind "RIFF".
  uint64_t size = 8;
  for (int i = 0; i < 4; ++i) size += uint64_t{static_cast<uint8_t>(file[4 + i])} << (8 * i);
  if (size < file.size()) report->Add(kBytesBehindEnd);
  const bool animated = (WebPDemuxGetI(demuxer.get(), WEBP_FF_FORMAT_FLAGS) & ANIMATION_FLAG) != 0;
  return animated ? DecodeFirstFrame(file, image, report)
                  : DecodeStill(demuxer.get(), image, report);
}

}  // namespace

const FileFormat kWebpFormat = {"WebP", Matches, ReadHeader, Decode};

}  // namespace cassle
