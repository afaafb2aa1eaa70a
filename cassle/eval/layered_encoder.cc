#include "cassle/eval/layered_encoder.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <c10/core/GradMode.h>

#include <exception>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/policy.h"
#include "cassle/base/file.h"
#include "cassle/base/fingerprint.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/model_folder.h"
#include "cassle/models/projector_folder.h"
#include "cassle/models/weights.h"

namespace cassle {
namespace {

// `compute` with LibTorch's exceptions as statuses.
template <class Function>
auto Guarded(const Function& compute) -> absl::StatusOr<decltype(compute())> {
  const c10::NoGradGuard no_grad;
  try {
    return compute();
  } catch (const std::exception& error) {
    return absl::InternalError(absl::StrCat("the encoder failed: ", error.what()));
  }
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

const std::vector<std::string>& LayeredEncoder::LayerNames() {
  static const auto& names = *new std::vector<std::string>{"stem",    "block 1", "block 2",
                                                           "block 3", "block 4", kBackboneLayer};
  return names;
}

absl::Status LayeredEncoder::LoadPolicyOf(const LayeredEncoderOptions& options) {
  CASSLE_ASSIGN_OR_RETURN(std::optional<v1::Policy> named,
                          NamedPolicy(options.policy, options.policy_file));
  if (named) {
    policy_ = *std::move(named);
    return absl::OkStatus();
  }
  const std::string trained_with = JoinPath(options.model, kPolicyName);
  if (!FileExists(trained_with)) {
    return NoPolicyError(
        absl::StrCat(options.model,
                     " does not say which augmentations it was trained with (it was imported, or "
                     "trained by an earlier version)"));
  }
  CASSLE_ASSIGN_OR_RETURN(policy_, LoadPolicy(trained_with));
  return absl::OkStatus();
}

absl::Status LayeredEncoder::CheckDescriptor(const std::vector<std::string>& named) {
  if (!is_told()) return absl::OkStatus();
  const v1::ProjectorSpec& spec = projector_->spec();
  std::vector<std::string> groups(spec.conditioning().groups().begin(),
                                  spec.conditioning().groups().end());
  if (!named.empty()) groups = named;
  if (groups.empty()) groups = DescriptorGroupsOf(policy_);
  const absl::StatusOr<DescriptorLayout> layout = DescriptorLayout::Create(policy_, groups);
  if (!layout.ok()) return Annotate(layout.status(), "the descriptor of the projector");
  if (layout->size() != spec.descriptor_size()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "the projector was told ", spec.descriptor_size(), " values of each view, and the groups ",
        absl::StrJoin(groups, ", "), " of policy ", policy_.name(), " have ", layout->size(),
        ": name the policy it was trained with (--policy or --policy_file), and its --groups"));
  }
  layout_ = *layout;
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<LayeredEncoder>> LayeredEncoder::Load(
    const LayeredEncoderOptions& options) {
  std::unique_ptr<LayeredEncoder> encoder(new LayeredEncoder());
  CASSLE_ASSIGN_OR_RETURN(encoder->spec_, ReadModelSpec(options.model));
  CASSLE_ASSIGN_OR_RETURN(encoder->backbone_, LoadBackbone(options.model));
  if (options.with_projector) {
    CASSLE_ASSIGN_OR_RETURN(encoder->projector_, LoadProjector(options.model));
  }
  CASSLE_RETURN_IF_ERROR(encoder->LoadPolicyOf(options));
  CASSLE_RETURN_IF_ERROR(encoder->CheckDescriptor(options.groups));
  const v1::ModelSpec& spec = encoder->spec_;
  encoder->normalizer_ = std::make_unique<PixelNormalizer>(
      std::array<double, 3>{spec.mean(0), spec.mean(1), spec.mean(2)},
      std::array<double, 3>{spec.std(0), spec.std(1), spec.std(2)});
  encoder->weights_fingerprint_ = WeightsFingerprint(*encoder->backbone_);
  encoder->batch_statistics_ = options.batch_statistics;
  encoder->backbone_->train(options.batch_statistics);
  if (encoder->has_projector()) encoder->projector_->train(options.batch_statistics);
  return encoder;
}

absl::StatusOr<std::vector<at::Tensor>> LayeredEncoder::Layers(const std::vector<uint8_t>& pixels,
                                                               int64_t n) const {
  absl::MutexLockMaybe lock(batch_statistics_ ? &training_mode_ : nullptr);
  return Guarded([&] {
    const at::Tensor images = normalizer_->Normalize(pixels, n, image_size());
    return backbone_->ForwardStages(WithPlanes(images, spec_.backbone()));
  });
}

absl::StatusOr<at::Tensor> LayeredEncoder::Features(const std::vector<uint8_t>& pixels,
                                                    int64_t n) const {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<at::Tensor> layers, Layers(pixels, n));
  return layers.back();
}

absl::StatusOr<at::Tensor> LayeredEncoder::Project(const at::Tensor& features,
                                                   const std::vector<float>& descriptors) const {
  absl::MutexLockMaybe lock(batch_statistics_ ? &training_mode_ : nullptr);
  return Guarded(
      [&] { return projector_->forward(features, MatrixTensor(descriptors, features.size(0))); });
}

v1::Evaluation LayeredEncoder::Describe(const std::string& stage) const {
  v1::Evaluation evaluation;
  evaluation.set_stage(stage);
  evaluation.set_encoder(spec_.provenance());
  evaluation.set_weights_fingerprint(weights_fingerprint_);
  evaluation.set_preprocess_fingerprint(FingerprintBytes(
      absl::StrCat("views of ", image_size(), " mean ", absl::StrJoin(spec_.mean(), " "), " std ",
                   absl::StrJoin(spec_.std(), " "), batch_statistics_ ? " batch statistics " : " ",
                   PrintTextProto(policy_))));
  evaluation.set_num_features(static_cast<int32_t>(backbone_->feature_size()));
  return evaluation;
}

}  // namespace cassle
