#include "cassle/features/frozen_encoder.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/augment/pixels/evaluation_transform.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/features/readout.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/projector_folder.h"
#include "cassle/models/weights/weights.h"
#include "cassle/runtime/device.h"
#include "cassle/runtime/precision_scope.h"
#include "cassle/runtime/torch_guard.h"

namespace cassle {
namespace {

// Several threads encode with one network.
PrecisionScope ScopeOf(const FrozenEncoderOptions& options, const at::Tensor& like) {
  return PrecisionScope(options.bfloat16 ? Precision::kBfloat16 : Precision::kFloat32, like,
                        PrecisionScope::Casts::kNotCached);
}

// Of a readout other than the backbone's own features nothing is taken apart: the projector refuses
// it.
at::Tensor ReadBy(const ConditionedProjector& projector, const Backbone& backbone,
                  const at::Tensor& features) {
  return features.size(1) == backbone.feature_size() ? projector.FeaturesRead(features) : features;
}

// images [n, 3, S, S] and the same C values for all -> [n, 3 + C, S, S], channels-last.
at::Tensor WithPlanes(const at::Tensor& images, const v1::BackboneConfig& config) {
  const std::vector<float> values(config.extra_channels().begin(), config.extra_channels().end());
  if (values.empty()) return images;
  const at::Tensor planes = at::tensor(values)
                                .view({1, static_cast<int64_t>(values.size()), 1, 1})
                                .expand({images.size(0), -1, images.size(2), images.size(3)});
  return at::cat({images, planes}, 1).contiguous(at::MemoryFormat::ChannelsLast);
}

}  // namespace

FrozenEncoder::FrozenEncoder(const v1::ModelSpec& spec, std::shared_ptr<Backbone> backbone,
                             std::shared_ptr<ConditionedProjector> projector,
                             const FrozenEncoderOptions& options)
    : spec_(spec),
      options_(options),
      backbone_(std::move(backbone)),
      projector_(std::move(projector)),
      normalizer_({spec.mean(0), spec.mean(1), spec.mean(2)},
                  {spec.std(0), spec.std(1), spec.std(2)}),
      weights_fingerprint_(WeightsFingerprint(*backbone_)),
      readout_text_(IsUsual(options.readout, *backbone_) ? "" : PrintTextProto(options.readout)),
      feature_size_(backbone_->feature_size()) {}

absl::StatusOr<std::unique_ptr<FrozenEncoder>> FrozenEncoder::Create(
    const v1::ModelSpec& spec, std::shared_ptr<Backbone> backbone,
    const FrozenEncoderOptions& given, std::shared_ptr<ConditionedProjector> projector) {
  FrozenEncoderOptions options = given;
  CASSLE_ASSIGN_OR_RETURN(options.readout, ResolveReadout(given.readout, *backbone));
  if (options.resize_px != 0 && options.resize_px < spec.image_size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "resize_px: ", options.resize_px, " is below the model's image size ", spec.image_size()));
  }
  if (!options.device.empty()) {
    CASSLE_ASSIGN_OR_RETURN(const c10::Device device, ResolveDevice(options.device));
    ConfigureDevice(device, {});
    MoveTensors(backbone->state(), device);
    if (projector != nullptr) MoveTensors(projector->state(), device);
  }
  backbone->train(options.batch_statistics);
  backbone->set_requires_grad(false);
  if (projector != nullptr) {
    projector->train(options.batch_statistics);
    projector->set_requires_grad(false);
  }
  std::unique_ptr<FrozenEncoder> encoder(
      new FrozenEncoder(spec, std::move(backbone), std::move(projector), options));
  if (!encoder->readout_text_.empty()) CASSLE_RETURN_IF_ERROR(encoder->MeasureReadout());
  return encoder;
}

absl::StatusOr<std::unique_ptr<FrozenEncoder>> FrozenEncoder::Load(
    const std::string& folder, const FrozenEncoderOptions& options, bool projector) {
  CASSLE_ASSIGN_OR_RETURN(const v1::ModelSpec spec, ReadModelSpec(folder));
  CASSLE_ASSIGN_OR_RETURN(std::shared_ptr<Backbone> backbone, LoadBackbone(folder));
  std::shared_ptr<ConditionedProjector> loaded;
  if (projector) {
    CASSLE_ASSIGN_OR_RETURN(loaded, LoadProjector(folder));
  }
  return Create(spec, std::move(backbone), options, std::move(loaded));
}

absl::Status FrozenEncoder::Prepare(const RgbImage& image, uint8_t* pixels) const {
  std::array<RgbImage, 10> inputs;
  if (options_.ten_crops) {
    CASSLE_RETURN_IF_ERROR(ResizeShortSideAndTenCrop(image, resize_px(), image_size(),
                                                     Interpolation::kBicubic, &inputs));
  } else {
    CASSLE_RETURN_IF_ERROR(ResizeShortSideAndCenterCrop(image, resize_px(), image_size(),
                                                        Interpolation::kBicubic, &inputs[0]));
  }
  for (int64_t view = 0; view < views(); ++view) {
    pixels = std::copy(inputs[view].pixels.begin(), inputs[view].pixels.end(), pixels);
  }
  return absl::OkStatus();
}

at::Tensor FrozenEncoder::Input(const std::vector<uint8_t>& pixels) const {
  const int64_t images = static_cast<int64_t>(pixels.size()) * views() / input_bytes();
  const at::Tensor normalized = normalizer_.Normalize(pixels, images, image_size());
  return Upload(WithPlanes(normalized, spec_.backbone()), backbone_->parameters()[0].device());
}

template <class Function>
auto FrozenEncoder::Guarded(const Function& compute) const -> absl::StatusOr<decltype(compute())> {
  absl::MutexLockMaybe lock(options_.batch_statistics ? &training_mode_ : nullptr);
  const c10::NoGradGuard no_grad;
  auto result = CatchTorch([&]() -> absl::StatusOr<decltype(compute())> { return compute(); });
  if (!result.ok()) return Annotate(result.status(), "the encoder failed");
  return result;
}

// What a readout gives of an image is told by one.
absl::Status FrozenEncoder::MeasureReadout() {
  const std::vector<uint8_t> one(input_bytes() / views());
  CASSLE_ASSIGN_OR_RETURN(const at::Tensor features, Guarded([&] { return Read(one); }));
  rows_per_view_ = features.size(0);
  feature_size_ = features.size(1);
  return absl::OkStatus();
}

std::string FrozenEncoder::readout_in_words() const {
  return readout_text_.empty() ? "" : ReadoutInWords(options_.readout, *backbone_);
}

at::Tensor FrozenEncoder::Read(const std::vector<uint8_t>& pixels) const {
  const at::Tensor input = Input(pixels);
  const PrecisionScope scope = ScopeOf(options_, input);
  return ReadOut(options_.readout, *backbone_, input);
}

absl::StatusOr<std::vector<float>> FrozenEncoder::Extract(
    const std::vector<uint8_t>& pixels) const {
  return Guarded([&] {
    const at::Tensor features = Read(pixels).cpu().contiguous();
    const float* values = features.data_ptr<float>();
    return std::vector<float>(values, values + features.numel());
  });
}

const std::vector<std::string>& FrozenEncoder::LayerNames() {
  static const auto& names = *new std::vector<std::string>{"stem",    "block 1", "block 2",
                                                           "block 3", "block 4", kBackboneLayer};
  return names;
}

absl::StatusOr<std::vector<at::Tensor>> FrozenEncoder::Layers(
    const std::vector<uint8_t>& pixels) const {
  return Guarded([&] {
    const at::Tensor input = Input(pixels);
    const PrecisionScope scope = ScopeOf(options_, input);
    return backbone_->ForwardStages(input);
  });
}

absl::StatusOr<at::Tensor> FrozenEncoder::Project(const at::Tensor& features,
                                                  const std::vector<float>& descriptors) const {
  return Guarded([&] {
    const PrecisionScope scope = ScopeOf(options_, features);
    return projector_->forward(
        ReadBy(*projector_, *backbone_, features),
        Upload(MatrixTensor(descriptors, features.size(0)), features.device()));
  });
}

absl::StatusOr<std::vector<float>> FrozenEncoder::Project(
    const std::vector<float>& features) const {
  return Guarded([&] {
    const int64_t images = static_cast<int64_t>(features.size()) / feature_size();
    const at::Tensor input =
        Upload(MatrixTensor(features, images), backbone_->parameters()[0].device());
    const PrecisionScope scope = ScopeOf(options_, input);
    const at::Tensor projected =
        projector_->forward(ReadBy(*projector_, *backbone_, input), at::Tensor())
            .to(at::kFloat)
            .cpu()
            .contiguous();
    const float* values = projected.data_ptr<float>();
    return std::vector<float>(values, values + projected.numel());
  });
}

}  // namespace cassle
