#include "cassle/models/imported_spec.h"

#include <ATen/TensorOperators.h>

#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/exchange/detect_backbone.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/vit.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/weights.h"

namespace cassle {
namespace {

constexpr double kImageNetMean[] = {0.485, 0.456, 0.406};
constexpr double kImageNetStd[] = {0.229, 0.224, 0.225};
constexpr double kHuggingFaceEps = 1e-12;
constexpr char kDefaultProvenance[] = "imported";

bool IsVit(const v1::BackboneConfig& config) { return config.patch_size() != 0; }

v1::Positions PositionsOf(const WeightArray& table, const v1::BackboneConfig& config) {
  const at::Tensor positions = ToTensor({table.dtype, table.shape, table.bytes});
  const at::Tensor fixed =
      SinCosPositions(config.image_size() / config.patch_size(), positions.size(2));
  // The official table is computed in float32, or was stored in half precision.
  const bool sincos = positions.scalar_type() == at::kFloat &&
                      (positions - fixed).abs().max().item<double>() < 1e-3;
  return sincos ? v1::SINCOS : v1::LEARNED;
}

// What our own export said.
absl::StatusOr<v1::ModelSpec> OwnSpec(const WeightFile& file) {
  v1::ModelSpec spec;
  const auto text = file.metadata.find(kModelMetadata);
  if (text == file.metadata.end()) return spec;
  absl::Status status = ParseTextProto(text->second, kModelMetadata, &spec);
  if (status.ok()) status = CheckModelSpec(spec);
  if (!status.ok()) {
    return absl::DataLossError(absl::StrCat("what it says of its model (", kModelMetadata,
                                            ") is damaged: ", status.message()));
  }
  return spec;
}

// Copies what shapes do not tell.
absl::Status TakeOwn(const v1::BackboneConfig& own, v1::BackboneConfig* config) {
  if (own.architecture() != config->architecture()) {
    return absl::DataLossError(absl::StrCat("its tensors are those of a ", config->architecture(),
                                            ", and it says that it is a ", own.architecture()));
  }
  if (IsVit(*config)) {
    config->set_heads(own.heads());
    config->set_positions(own.positions());
    config->set_norm_eps(own.norm_eps());
    if (own.has_frozen_patch_embedding()) {
      config->set_frozen_patch_embedding(own.frozen_patch_embedding());
    }
  } else if (own.has_zero_init_residual()) {
    config->set_zero_init_residual(own.zero_init_residual());
  }
  *config->mutable_extra_channels() = own.extra_channels();
  return absl::OkStatus();
}

// Widths of 192 and 768 have 3 and 12 heads wherever they were published. Of 384, networks with
// learned positions (timm, DeiT, DINO, DINOv2, Hugging Face) have 6 and MoCo-v3's, with fixed ones,
// 12; others with fixed ones have either.
absl::Status AssumeHeads(const FoundBackbone& found, v1::BackboneConfig* config,
                         std::vector<std::string>* notes) {
  const std::string& name = config->architecture();
  int heads = name == "vit_tiny" ? 3 : 12;
  std::string reason = "as every published network of this width has";
  if (name == "vit_small" && config->positions() == v1::LEARNED) {
    heads = 6;
    reason = "as timm's, DeiT's and DINO's networks of this width with learned positions have";
  } else if (name == "vit_small") {
    if (!absl::StrContains(found.prefix, "base_encoder") &&
        !absl::StrContains(found.prefix, "momentum_encoder")) {
      return absl::DataLossError(
          "it does not tell the attention heads of its vit_small: give --backbone.heads=12 (as "
          "MoCo-v3 has) or --backbone.heads=6 (as most others have)");
    }
    reason = "as MoCo-v3 has";
  }
  config->set_heads(heads);
  notes->push_back(absl::StrCat("attention heads: ", heads, ", ", reason,
                                "; the file does not tell, --backbone.heads decides otherwise"));
  return absl::OkStatus();
}

absl::StatusOr<v1::BackboneConfig> DescribeBackbone(const v1::ImportWeightsOptions& options,
                                                    const FoundBackbone& found,
                                                    const BackboneTensors& tensors,
                                                    const v1::ModelSpec& own,
                                                    const ForeignConfig& foreign,
                                                    std::vector<std::string>* notes) {
  std::vector<TensorSignature> signatures;
  for (const auto& [name, array] : tensors.arrays) {
    signatures.push_back({name, array->dtype, array->shape});
  }
  CASSLE_ASSIGN_OR_RETURN(v1::BackboneConfig config, DetectBackbone(signatures));
  const auto table = tensors.arrays.find("pos_embed");
  if (IsVit(config)) config.set_positions(PositionsOf(*table->second, config));
  if (own.has_backbone()) {
    CASSLE_RETURN_IF_ERROR(TakeOwn(own.backbone(), &config));
  } else if (!foreign.model.empty() && foreign.transformer == IsVit(config)) {
    if (IsVit(config)) {
      config.set_heads(foreign.heads);
      config.set_norm_eps(foreign.norm_eps);
    }
  }
  const int said = config.heads();
  if (said != 0 && options.backbone().heads() != 0 && options.backbone().heads() != said) {
    notes->push_back(absl::StrCat("attention heads: ", options.backbone().heads(),
                                  " by --backbone.heads, although the file says ", said));
  }
  config.MergeFrom(options.backbone());
  if (IsVit(config) && config.heads() == 0) {
    CASSLE_RETURN_IF_ERROR(AssumeHeads(found, &config, notes));
  }
  // DINOv2's networks there have 1e-6, like everybody's.
  if (IsVit(config) && config.norm_eps() == 0 && !own.has_backbone() && foreign.model.empty() &&
      absl::string_view(found.family->name) == "Hugging Face's names") {
    config.set_norm_eps(kHuggingFaceEps);
    notes->push_back(
        "norm_eps 1e-12, as Hugging Face's ViT has; no config.json beside the weights says it, "
        "--backbone.norm_eps decides otherwise");
  }
  return ResolveBackbone(config, config.image_size());
}

void DescribeNormalization(const v1::ImportWeightsOptions& options, const v1::ModelSpec& own,
                           const ForeignConfig& foreign, ImportedSpec* result) {
  v1::ModelSpec* spec = &result->spec;
  if (own.mean_size() != 0) {
    *spec->mutable_mean() = own.mean();
    *spec->mutable_std() = own.std();
  } else {
    const auto fill = [](const std::vector<double>& said, const double(&usual)[3], auto* values) {
      for (int c = 0; c < 3; ++c) values->Add(said.empty() ? usual[c] : said[c]);
    };
    fill(foreign.mean, kImageNetMean, spec->mutable_mean());
    fill(foreign.std, kImageNetStd, spec->mutable_std());
    const bool given = options.mean_size() != 0 && options.std_size() != 0;
    if (!given && (foreign.mean.empty() || foreign.std.empty())) {
      result->notes.push_back(
          "images are normalised by ImageNet's mean and std, since nothing says another; --mean "
          "and --std do");
    }
  }
  if (options.mean_size() != 0) *spec->mutable_mean() = options.mean();
  if (options.std_size() != 0) *spec->mutable_std() = options.std();
}

int ImageSizeOf(const v1::ImportWeightsOptions& options, const v1::ModelSpec& own,
                const ForeignConfig& foreign, const v1::BackboneConfig& config) {
  if (options.image_size() != 0) return options.image_size();
  if (own.image_size() != 0) return own.image_size();
  // Of a transformer that of the position table, which then needs no resizing.
  if (config.image_size() != 0) return config.image_size();
  if (foreign.image_size != 0) return foreign.image_size;
  return config.stem() == v1::CIFAR ? 32 : 224;
}

}  // namespace

absl::StatusOr<ImportedSpec> DescribeImported(const v1::ImportWeightsOptions& options,
                                              const FoundBackbone& found,
                                              const BackboneTensors& tensors,
                                              const WeightFile& file,
                                              const ForeignConfig& foreign) {
  ImportedSpec result;
  CASSLE_ASSIGN_OR_RETURN(const v1::ModelSpec own, OwnSpec(file));
  CASSLE_ASSIGN_OR_RETURN(*result.spec.mutable_backbone(),
                          DescribeBackbone(options, found, tensors, own, foreign, &result.notes));
  const v1::BackboneConfig& config = result.spec.backbone();
  if (own.has_backbone()) {
    result.notes.push_back("what shapes do not tell is as export-weights or pretrain wrote it");
  } else if (!foreign.model.empty()) {
    const bool fits = foreign.transformer == IsVit(config);
    result.notes.push_back(
        !fits ? absl::StrCat("config.json was not used: it is that of a ", foreign.model)
        : IsVit(config)
            ? absl::StrCat("by config.json (", foreign.model, "): heads ", config.heads(),
                           ", norm_eps ", config.norm_eps() == 0 ? 1e-6 : config.norm_eps())
            : absl::StrCat("config.json (", foreign.model, ") agrees"));
  }
  DescribeNormalization(options, own, foreign, &result);
  result.spec.set_image_size(ImageSizeOf(options, own, foreign, config));
  const std::string positions = ResizedPositionsSentence(config, result.spec.image_size());
  if (!positions.empty()) result.notes.push_back(positions);
  const bool named = options.provenance() != kDefaultProvenance || own.provenance().empty();
  result.spec.set_provenance(named ? options.provenance() : own.provenance());
  CASSLE_RETURN_IF_ERROR(Annotate(CheckModelSpec(result.spec), "--image_size, --mean, --std"));
  return result;
}

}  // namespace cassle
