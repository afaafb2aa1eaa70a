#include "cassle/models/networks/conditioning.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <c10/util/Exception.h>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/stage/options.h"

namespace cassle {
namespace {

constexpr int kDefaultDepth = 6;
constexpr int kDefaultWidth = 64;
// 8 GiB in float32; gradient and momentum need as much again each.
constexpr int64_t kMaxGeneratorWeights = int64_t{1} << 31;

// "treatment hypernetwork"; empty where a factor for what meets the features has a meaning.
std::string ClashesWithStrength(const v1::ConditioningConfig& config) {
  if (config.treatment() == v1::HYPERNETWORK) return "treatment hypernetwork";
  switch (config.injection()) {
    case v1::INJECTION_UNSPECIFIED:
    case v1::CONCATENATION:
    case v1::ADDITION:
      return "";
    default:
      return absl::StrCat("injection ",
                          absl::AsciiStrToLower(v1::Injection_Name(config.injection())));
  }
}

absl::Status CheckInjection(const v1::ConditioningConfig& config) {
  if (!v1::Injection_IsValid(config.injection())) {
    return absl::InvalidArgumentError(
        absl::StrCat("--conditioning.injection=", static_cast<int>(config.injection()),
                     " is not CONCATENATION, ADDITION, MULTIPLICATION or IMAGE_CHANNELS"));
  }
  if (config.treatment() == v1::HYPERNETWORK && config.injection() != v1::INJECTION_UNSPECIFIED) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--conditioning.injection=", absl::AsciiStrToLower(v1::Injection_Name(config.injection())),
        " has no meaning with treatment hypernetwork, which makes the projector's weights from "
        "the descriptor; leave the injection out, or choose treatment mlp or raw"));
  }
  if (config.has_strength() && config.strength() != 1) {
    const std::string clashing = ClashesWithStrength(config);
    if (!clashing.empty()) {
      return absl::InvalidArgumentError(absl::StrCat(
          "--conditioning.strength=", config.strength(), " has no meaning with ", clashing,
          "; leave it out, or choose treatment mlp or raw, and injection concatenation or "
          "addition"));
    }
  }
  if (config.injection() == v1::IMAGE_CHANNELS && config.predictor()) {
    return absl::InvalidArgumentError(
        "--conditioning.predictor=true has no meaning with injection image_channels: a predictor "
        "sees no image; leave it out, or choose another injection");
  }
  return absl::OkStatus();
}

v1::MlpSpec SpecOf(const MlpOptions& options) {
  v1::MlpSpec spec;
  spec.set_in(options.in);
  spec.set_hidden(options.hidden);
  spec.set_out(options.out);
  spec.set_depth(options.depth);
  spec.set_gelu(options.activation == Activation::kGelu);
  spec.set_hidden_norm(options.hidden_norm);
  spec.set_last_bias(options.last_bias);
  spec.set_last_norm(options.last_norm);
  spec.set_last_norm_affine(options.last_norm_affine);
  return spec;
}

MlpOptions OptionsOf(const v1::MlpSpec& spec) {
  return {.in = spec.in(),
          .hidden = spec.hidden(),
          .out = spec.out(),
          .depth = spec.depth(),
          .activation = spec.gelu() ? Activation::kGelu : Activation::kRelu,
          .hidden_norm = spec.hidden_norm(),
          .last_bias = spec.last_bias(),
          .last_norm = spec.last_norm(),
          .last_norm_affine = spec.last_norm_affine()};
}

absl::Status CheckGeneratorSize(const MlpOptions& mlp, int width) {
  const int64_t generated = NumGeneratedWeights(mlp);
  if (generated <= kMaxGeneratorWeights / width) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("--conditioning.treatment=hypernetwork: one of width ", width,
                   " that makes the ", generated, " weights of this projector (", mlp.in,
                   " features, hidden size ", mlp.hidden, ", projection size ", mlp.out,
                   ") would take more than 8 GiB; lower --conditioning.width or "
                   "the sizes of the method's projector, or choose treatment mlp"));
}

}  // namespace

absl::StatusOr<v1::ConditioningConfig> ResolveConditioning(const v1::ConditioningConfig& config) {
  v1::ConditioningConfig resolved = config;
  if (resolved.treatment() == v1::TREATMENT_UNSPECIFIED) resolved.set_treatment(v1::NONE);
  if (resolved.depth() == 0) resolved.set_depth(kDefaultDepth);
  if (resolved.width() == 0) resolved.set_width(kDefaultWidth);
  if (!v1::Treatment_IsValid(resolved.treatment())) {
    return absl::InvalidArgumentError(
        absl::StrCat("--conditioning.treatment=", static_cast<int>(resolved.treatment()),
                     " is not NONE, RAW, MLP or HYPERNETWORK"));
  }
  CASSLE_RETURN_IF_ERROR(CheckRanges(resolved, "conditioning."));
  if (resolved.treatment() == v1::NONE) return resolved;
  CASSLE_RETURN_IF_ERROR(CheckInjection(resolved));
  if (resolved.has_final_norm() && !resolved.final_norm() && resolved.treatment() != v1::MLP) {
    return absl::InvalidArgumentError(
        absl::StrCat("--conditioning.final_norm=false has no meaning with treatment ",
                     absl::AsciiStrToLower(v1::Treatment_Name(resolved.treatment())),
                     ", which embeds no descriptor; leave it out, or choose treatment mlp"));
  }
  if (resolved.treatment() == v1::HYPERNETWORK) return resolved;
  if (resolved.hypernetwork_norm()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--conditioning.hypernetwork_norm=true has no meaning with treatment ",
                     absl::AsciiStrToLower(v1::Treatment_Name(resolved.treatment())),
                     ", whose projector has batch norm anyway; leave it out, or choose treatment "
                     "hypernetwork"));
  }
  if (resolved.has_hypernetwork_last_norm() && !resolved.hypernetwork_last_norm()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--conditioning.hypernetwork_last_norm=false has no meaning with treatment ",
                     absl::AsciiStrToLower(v1::Treatment_Name(resolved.treatment())),
                     "; leave it out, or choose treatment hypernetwork"));
  }
  if (resolved.injection() == v1::INJECTION_UNSPECIFIED) resolved.set_injection(v1::CONCATENATION);
  return resolved;
}

std::string DescribeTreatment(const v1::ConditioningConfig& resolved) {
  std::string words = absl::AsciiStrToLower(v1::Treatment_Name(resolved.treatment()));
  if (resolved.treatment() == v1::NONE) return words;
  if (resolved.injection() == v1::ADDITION || resolved.injection() == v1::MULTIPLICATION) {
    absl::StrAppend(&words, " by ",
                    absl::AsciiStrToLower(v1::Injection_Name(resolved.injection())));
  }
  if (resolved.injection() == v1::IMAGE_CHANNELS) absl::StrAppend(&words, " as image channels");
  if (resolved.hypernetwork_norm()) absl::StrAppend(&words, " with batch norm");
  if (resolved.has_hypernetwork_last_norm() && !resolved.hypernetwork_last_norm()) {
    absl::StrAppend(&words, " without last norm");
  }
  if (resolved.has_final_norm() && !resolved.final_norm()) {
    absl::StrAppend(&words, " without final norm");
  }
  if (resolved.has_strength() && resolved.strength() != 1) {
    absl::StrAppend(&words, " of strength ", resolved.strength());
  }
  if (resolved.relative()) absl::StrAppend(&words, " of differences");
  if (resolved.predictor()) absl::StrAppend(&words, ", predictor too");
  return words;
}

absl::Status ConditionedProjector::Build(const v1::ConditioningConfig& resolved,
                                         int64_t descriptor_size, const MlpOptions& mlp) {
  conditioned_ = resolved.treatment() != v1::NONE;
  injection_ = resolved.injection();
  if (resolved.has_strength()) strength_ = resolved.strength();
  if (conditioned_ && descriptor_size < 1) {
    return absl::InvalidArgumentError(
        "--conditioning: the policy has none of the descriptor groups; leave it out, or choose "
        "another policy");
  }
  if (resolved.treatment() == v1::HYPERNETWORK) {
    CASSLE_RETURN_IF_ERROR(CheckGeneratorSize(mlp, resolved.width()));
    MlpOptions generated = mlp;
    if (resolved.has_hypernetwork_last_norm() && !resolved.hypernetwork_last_norm()) {
      generated.last_norm = false;
    }
    generated_mlp_ = AddChild("mlp", std::make_shared<GeneratedMlp>(GeneratedMlpOptions{
                                         .mlp = generated,
                                         .hidden_norm = resolved.hypernetwork_norm(),
                                         .descriptor_size = descriptor_size,
                                         .generator_width = resolved.width(),
                                         .generator_depth = resolved.depth()}));
    return absl::OkStatus();
  }
  num_image_channels_ = NumImageChannels(resolved, descriptor_size);
  const bool beside_image = num_image_channels_ > 0;
  if (beside_image) conditioned_ = false;
  // What meets the image or the features has this size.
  int64_t injected = beside_image || injection_ == v1::CONCATENATION ? resolved.width() : mlp.in;
  if (resolved.treatment() == v1::MLP) {
    const bool ends_in_norm = !resolved.has_final_norm() || resolved.final_norm();
    conditioner_ =
        AddChild("conditioner", std::make_shared<Mlp>(MlpOptions{.in = descriptor_size,
                                                                 .hidden = resolved.width(),
                                                                 .out = injected,
                                                                 .depth = resolved.depth(),
                                                                 .last_norm = ends_in_norm}));
  } else if (resolved.treatment() == v1::RAW && !beside_image) {
    if (injection_ == v1::CONCATENATION) {
      injected = descriptor_size;
    } else if (descriptor_size != injected) {
      conditioner_ = AddChild(
          "conditioner",
          std::make_shared<Mlp>(MlpOptions{.in = descriptor_size, .out = injected, .depth = 1}));
    }
  }
  MlpOptions options = mlp;
  if (conditioned_ && injection_ == v1::CONCATENATION) options.in += injected;
  mlp_ = AddChild("mlp", std::make_shared<Mlp>(options));
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<ConditionedProjector>> ConditionedProjector::Create(
    const v1::ConditioningConfig& config, int64_t descriptor_size, const MlpOptions& mlp,
    uint64_t seed, const std::string& streams) {
  CASSLE_ASSIGN_OR_RETURN(const v1::ConditioningConfig resolved, ResolveConditioning(config));
  std::shared_ptr<ConditionedProjector> projector(new ConditionedProjector());
  CASSLE_RETURN_IF_ERROR(projector->Build(resolved, descriptor_size, mlp));
  *projector->spec_.mutable_conditioning() = resolved;
  projector->spec_.set_descriptor_size(resolved.treatment() == v1::NONE ? 0 : descriptor_size);
  *projector->spec_.mutable_mlp() = SpecOf(mlp);
  projector->Initialize(seed, streams);
  return projector;
}

absl::StatusOr<std::shared_ptr<ConditionedProjector>> MakeConditionedProjector(
    const v1::ConditioningConfig& config, int64_t descriptor_size, const MlpOptions& mlp,
    uint64_t seed) {
  return ConditionedProjector::Create(config, descriptor_size, mlp, seed, "projector.");
}

absl::StatusOr<std::shared_ptr<ConditionedProjector>> MakeProjector(const v1::ProjectorSpec& spec) {
  const v1::MlpSpec& mlp = spec.mlp();
  if (mlp.in() < 1 || mlp.out() < 1 || mlp.depth() < 1 || (mlp.depth() > 1 && mlp.hidden() < 1) ||
      spec.descriptor_size() < 0) {
    return absl::InvalidArgumentError(
        absl::StrCat("the sizes of the projector are impossible: ", mlp.in(), " features, ",
                     mlp.depth(), " layers of ", mlp.hidden(), ", ", mlp.out(), " outputs, ",
                     spec.descriptor_size(), " descriptor values"));
  }
  return MakeConditionedProjector(spec.conditioning(), spec.descriptor_size(), OptionsOf(mlp),
                                  /*seed=*/0);
}

absl::StatusOr<std::shared_ptr<ConditionedProjector>> MakeConditionedPredictor(
    const v1::ConditioningConfig& config, int64_t descriptor_size, const MlpOptions& mlp,
    uint64_t seed) {
  return ConditionedProjector::Create(config, descriptor_size, mlp, seed, "predictor.");
}

at::Tensor ConditionedProjector::Inject(const at::Tensor& features, const at::Tensor& descriptor) {
  at::Tensor embedding = conditioner_ == nullptr ? descriptor : conditioner_->forward(descriptor);
  // Autocast does not promote: the embedding follows the features' precision only if both went
  // through a linear layer.
  if (embedding.scalar_type() != features.scalar_type()) {
    embedding = embedding.to(features.scalar_type());
  }
  if (strength_ != 1) embedding = embedding * strength_;
  if (injection_ == v1::CONCATENATION) return at::cat({features, embedding}, 1);
  // Not left to the operators, which would repeat a single value.
  TORCH_CHECK(embedding.sizes() == features.sizes(), "a descriptor of size ", descriptor.size(1),
              " does not fit the projector: it becomes ", embedding.size(1), " values for ",
              features.size(1), " features");
  return injection_ == v1::ADDITION ? features + embedding : features * embedding;
}

at::Tensor ConditionedProjector::FeaturesRead(const at::Tensor& features) const {
  const int64_t read = spec_.mlp().in();
  return features.size(1) > read ? features.narrow(1, 0, read) : features;
}

int64_t NumImageChannels(const v1::ConditioningConfig& resolved, int64_t descriptor_size) {
  if (resolved.injection() != v1::IMAGE_CHANNELS) return 0;
  if (resolved.treatment() == v1::RAW) return descriptor_size;
  return resolved.treatment() == v1::MLP ? resolved.width() : 0;
}

at::Tensor ConditionedProjector::ImageChannels(const at::Tensor& descriptor) {
  TORCH_CHECK(num_image_channels_ > 0 && descriptor.defined() && descriptor.dim() == 2,
              "a projector that is not conditioned by image channels was asked for them");
  return conditioner_ == nullptr ? descriptor : conditioner_->forward(descriptor);
}

at::Tensor ConditionedProjector::forward(const at::Tensor& features, const at::Tensor& descriptor) {
  if (!conditioned_) return mlp_->forward(features);
  TORCH_CHECK(descriptor.defined() && descriptor.size(0) == features.size(0),
              "a conditioned projector needs one descriptor per row of features");
  if (generated_mlp_ != nullptr) return generated_mlp_->forward(features, descriptor);
  return mlp_->forward(Inject(features, descriptor));
}

}  // namespace cassle
