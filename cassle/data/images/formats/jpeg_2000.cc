// JPEG 2000 by OpenJPEG, as .jp2 or a bare codestream: gray and RGB of 1 to 16 bits, with or
// without alpha (dropped), sampled alike. Other colour spaces are refused.
#include <openjpeg-2.5/openjpeg.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/images/formats/file_format.h"

namespace cassle {
namespace {

struct Input {
  absl::string_view bytes;
  size_t position = 0;
};

OPJ_SIZE_T Read(void* out, OPJ_SIZE_T size, void* user) {
  auto* input = static_cast<Input*>(user);
  const size_t count = std::min<size_t>(size, input->bytes.size() - input->position);
  if (count == 0) return static_cast<OPJ_SIZE_T>(-1);
  std::memcpy(out, input->bytes.data() + input->position, count);
  input->position += count;
  return count;
}

OPJ_OFF_T Skip(OPJ_OFF_T size, void* user) {
  auto* input = static_cast<Input*>(user);
  if (size < 0) return -1;
  const size_t count = std::min<uint64_t>(size, input->bytes.size() - input->position);
  input->position += count;
  return static_cast<OPJ_OFF_T>(count);
}

OPJ_BOOL Seek(OPJ_OFF_T position, void* user) {
  auto* input = static_cast<Input*>(user);
  if (position < 0 || static_cast<uint64_t>(position) > input->bytes.size()) return OPJ_FALSE;
  input->position = static_cast<size_t>(position);
  return OPJ_TRUE;
}

void Keep(const char* message, void* user) {
  auto* first = static_cast<std::string*>(user);
  if (first->empty()) first->assign(message, std::strcspn(message, "\n"));
}

constexpr absl::string_view kJp2Magic("\0\0\0\x0cjP  \r\n\x87\n", 12);
constexpr absl::string_view kCodestreamMagic("\xff\x4f\xff\x51", 4);

class Jpeg2000Reader {
 public:
  explicit Jpeg2000Reader(absl::string_view file)
      : codec_(opj_create_decompress(file.substr(0, 4) == kCodestreamMagic ? OPJ_CODEC_J2K
                                                                           : OPJ_CODEC_JP2),
               opj_destroy_codec),
        stream_(opj_stream_create(size_t{1} << 16, OPJ_TRUE), opj_stream_destroy) {
    input_.bytes = file;
  }
  ~Jpeg2000Reader() {
    if (image_ != nullptr) opj_image_destroy(image_);
  }
  Jpeg2000Reader(const Jpeg2000Reader&) = delete;
  Jpeg2000Reader& operator=(const Jpeg2000Reader&) = delete;

  absl::Status ReadHeader() {
    opj_dparameters_t parameters;
    opj_set_default_decoder_parameters(&parameters);
    opj_set_error_handler(codec_.get(), Keep, &message_);
    opj_stream_set_read_function(stream_.get(), Read);
    opj_stream_set_skip_function(stream_.get(), Skip);
    opj_stream_set_seek_function(stream_.get(), Seek);
    opj_stream_set_user_data(stream_.get(), &input_, nullptr);
    opj_stream_set_user_data_length(stream_.get(), input_.bytes.size());
    if (opj_setup_decoder(codec_.get(), &parameters) == OPJ_FALSE ||
        opj_decoder_set_strict_mode(codec_.get(), OPJ_TRUE) == OPJ_FALSE ||
        opj_read_header(stream_.get(), codec_.get(), &image_) == OPJ_FALSE) {
      return Error();
    }
    const int64_t height = int64_t{image_->y1} - image_->y0;
    const int64_t width = int64_t{image_->x1} - image_->x0;
    if (height < 1 || width < 1 || height > INT32_MAX || width > INT32_MAX) {
      return absl::DataLossError("the image is empty");
    }
    header_ = {v1::IMAGE_FORMAT_UNSPECIFIED, static_cast<int>(height), static_cast<int>(width), 1};
    return absl::OkStatus();
  }

  const ImageHeader& header() const { return header_; }

  absl::Status ReadPixels(RgbImage* image, DecodeReport* report) {
    const uint32_t components = image_->numcomps;
    if (components < 1 || components > 4) {
      return absl::DataLossError(absl::StrCat(components, " components; 1 to 4 are known"));
    }
    if (opj_decode(codec_.get(), stream_.get(), image_) == OPJ_FALSE ||
        opj_end_decompress(codec_.get(), stream_.get()) == OPJ_FALSE) {
      return Error();
    }
    const bool known =
        image_->color_space == OPJ_CLRSPC_SRGB || image_->color_space == OPJ_CLRSPC_GRAY ||
        image_->color_space == OPJ_CLRSPC_UNSPECIFIED || image_->color_space == OPJ_CLRSPC_UNKNOWN;
    for (uint32_t c = 0; c < image_->numcomps; ++c) {
      const opj_image_comp_t& component = image_->comps[c];
      if (!known || component.data == nullptr || component.sgnd != 0 || component.prec > 16 ||
          component.prec < 1 || component.w != static_cast<uint32_t>(header_.width) ||
          component.h != static_cast<uint32_t>(header_.height)) {
        return absl::DataLossError(
            "only gray and RGB of at most 16 bits, sampled alike, are known: convert it");
      }
    }
    if (image_->numcomps != components) return absl::DataLossError("its components change");
    image->Resize(header_.height, header_.width);
    const bool color = components >= 3;
    for (int64_t i = 0; i < int64_t{header_.height} * header_.width; ++i) {
      for (int c = 0; c < 3; ++c) image->pixels[3 * i + c] = Level(color ? c : 0, i);
      if (components % 2 == 0 && Level(static_cast<int>(components) - 1, i) != 255) {
        report->Add(kTransparent);
      }
    }
    if (!color && image_->comps[0].prec > 8) report->Add(kDeepGray);
    return absl::OkStatus();
  }

 private:
  absl::Status Error() const {
    return absl::DataLossError(message_.empty() ? "the file is damaged or ends early" : message_);
  }

  // To 8 bits.
  uint8_t Level(int component, int64_t pixel) const {
    const opj_image_comp_t& c = image_->comps[component];
    const int precision = static_cast<int>(c.prec);
    const int value = std::clamp(c.data[pixel], 0, (1 << precision) - 1);
    if (precision >= 8) return static_cast<uint8_t>(value >> (precision - 8));
    return static_cast<uint8_t>(value * 255 / ((1 << precision) - 1));
  }

  Input input_;
  std::string message_;
  const std::unique_ptr<opj_codec_t, decltype(&opj_destroy_codec)> codec_;
  const std::unique_ptr<opj_stream_t, decltype(&opj_stream_destroy)> stream_;
  opj_image_t* image_ = nullptr;
  ImageHeader header_;
};

bool Matches(absl::string_view file) {
  return file.substr(0, 12) == kJp2Magic || file.substr(0, 4) == kCodestreamMagic;
}

absl::StatusOr<ImageHeader> ReadHeader(absl::string_view file) {
  Jpeg2000Reader reader(file);
  CASSLE_RETURN_IF_ERROR(reader.ReadHeader());
  return reader.header();
}

absl::Status Decode(absl::string_view file, const ImageHeader&, RgbImage* image,
                    DecodeReport* report) {
  Jpeg2000Reader reader(file);
  CASSLE_RETURN_IF_ERROR(reader.ReadHeader());
  return reader.ReadPixels(image, report);
}

}  // namespace

const FileFormat kJpeg2000Format = {"JPEG 2000", Matches, ReadHeader, Decode};

}  // namespace cassle
