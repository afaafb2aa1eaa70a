#include "cassle/eval/feature_extractor.h"

#include <ATen/autocast_mode.h>
#include <ATen/core/Tensor.h>
#include <ATen/ops/empty.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <exception>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/evaluation_transform.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/backbone.h"
#include "cassle/models/device.h"
#include "cassle/models/torch_version.h"
#include "cassle/models/weights.h"

namespace cassle {
namespace {

// Autocast is a property of the thread.
class Autocast {
 public:
  Autocast(bool bfloat16, const at::Tensor& like) : on_(bfloat16), device_(like.device().type()) {
    if (!on_) return;
    SetAutocastType(device_, at::kBFloat16);
    SetAutocastEnabled(device_, true);
    // Only leaves that require gradients are cached, and the cache is shared by threads.
    at::autocast::set_autocast_cache_enabled(false);
  }
  ~Autocast() {
    if (on_) SetAutocastEnabled(device_, false);
  }

 private:
  const bool on_;
  const c10::DeviceType device_;
};

}  // namespace

absl::StatusOr<FeatureExtractor> FeatureExtractor::Create(const v1::ModelSpec& spec,
                                                          std::shared_ptr<Backbone> backbone,
                                                          const FeatureExtractorOptions& options) {
  FeatureExtractor extractor;
  extractor.image_size_ = spec.image_size();
  extractor.resize_px_ = options.resize_px == 0 ? spec.image_size() : options.resize_px;
  if (extractor.resize_px_ < extractor.image_size_) {
    return absl::InvalidArgumentError(absl::StrCat(
        "resize_px: ", options.resize_px, " is below the model's image size ", spec.image_size()));
  }
  extractor.ten_crops_ = options.ten_crops;
  extractor.bfloat16_ = options.bfloat16;
  extractor.backbone_ = std::move(backbone);
  extractor.backbone_->eval();
  extractor.backbone_->set_requires_grad(false);
  for (int channel = 0; channel < 3; ++channel) {
    for (int value = 0; value < 256; ++value) {
      extractor.normalized_[channel][value] =
          static_cast<float>((value / 255.0 - spec.mean(channel)) / spec.std(channel));
    }
  }
  extractor.extra_channels_.assign(spec.backbone().extra_channels().begin(),
                                   spec.backbone().extra_channels().end());
  extractor.weights_fingerprint_ = WeightsFingerprint(*extractor.backbone_);
  extractor.preprocess_fingerprint_ = FingerprintBytes(
      absl::StrCat("bicubic ", extractor.resize_px_, " centre ", extractor.image_size_, " mean ",
                   absl::StrJoin(spec.mean(), " "), " std ", absl::StrJoin(spec.std(), " "),
                   options.bfloat16 ? " bfloat16" : " float32",
                   extractor.extra_channels_.empty() ? "" : " channels ",
                   absl::StrJoin(extractor.extra_channels_, " ")));
  return extractor;
}

int64_t FeatureExtractor::feature_size() const { return backbone_->feature_size(); }

absl::Status FeatureExtractor::Prepare(const RgbImage& image, uint8_t* pixels) const {
  if (ten_crops_) {
    std::array<RgbImage, 10> crops;
    CASSLE_RETURN_IF_ERROR(
        ResizeShortSideAndTenCrop(image, resize_px_, image_size_, Interpolation::kBicubic, &crops));
    for (const RgbImage& crop : crops) {
      pixels = std::copy(crop.pixels.begin(), crop.pixels.end(), pixels);
    }
    return absl::OkStatus();
  }
  RgbImage prepared;
  CASSLE_RETURN_IF_ERROR(ResizeShortSideAndCenterCrop(image, resize_px_, image_size_,
                                                      Interpolation::kBicubic, &prepared));
  std::memcpy(pixels, prepared.pixels.data(), prepared.pixels.size());
  return absl::OkStatus();
}

absl::StatusOr<std::vector<float>> FeatureExtractor::Extract(
    const std::vector<uint8_t>& pixels) const {
  c10::NoGradGuard no_grad;
  try {
    const int64_t area = static_cast<int64_t>(image_size_) * image_size_;
    const int64_t images = static_cast<int64_t>(pixels.size()) / (area * 3);
    // Channels-last has the order of the bytes.
    const int64_t extra = static_cast<int64_t>(extra_channels_.size());
    at::Tensor batch =
        at::empty({images, 3 + extra, image_size_, image_size_}, at::kFloat, c10::nullopt,
                  c10::nullopt, c10::nullopt, at::MemoryFormat::ChannelsLast);
    float* out = batch.data_ptr<float>();
    for (int64_t i = 0; i < images * area; ++i) {
      for (int channel = 0; channel < 3; ++channel) {
        *out++ = normalized_[channel][pixels[i * 3 + channel]];
      }
      for (const float value : extra_channels_) *out++ = value;
    }
    batch = Upload(batch, backbone_->parameters()[0].device());
    const Autocast autocast(bfloat16_, batch);
    const at::Tensor features = backbone_->forward(batch).cpu().contiguous();
    const float* values = features.data_ptr<float>();
    return std::vector<float>(values, values + features.numel());
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("the encoder failed: ", error.what()));
  }
}

}  // namespace cassle
