#include "cassle/models/imported_spec.h"

#include <ATen/TensorOperators.h>

#include <cmath>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"
#include "cassle/models/exchange/configs/module_settings.h"
#include "cassle/models/exchange/detect_backbone.h"
#include "cassle/models/exchange/whole_blocks.h"
#include "cassle/models/imported_normalization.h"
#include "cassle/models/networks/backbone.h"
#include "cassle/models/networks/vit_positions.h"
#include "cassle/models/told_by_names.h"
#include "cassle/models/untold_by_shapes.h"
#include "cassle/models/weights/model_folder.h"
#include "cassle/models/weights/weights.h"

namespace cassle {
namespace {

constexpr char kDefaultProvenance[] = "imported";

bool IsVit(const v1::BackboneConfig& config) {
  return KindOf(config.architecture()) == NetworkKind::kTransformer;
}

// The first convolution by our name.
const char* FirstLayer(const v1::BackboneConfig& config) {
  switch (KindOf(config.architecture())) {
    case NetworkKind::kTransformer:
      return "patch_embed.proj.weight";
    case NetworkKind::kConvNext:
      return "stem.0.weight";
    default:
      return "conv1.weight";
  }
}

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
    config->set_position_resize(own.position_resize());
    config->set_layer_scale(own.layer_scale());
    if (own.has_frozen_patch_embedding()) {
      config->set_frozen_patch_embedding(own.frozen_patch_embedding());
    }
  } else if (KindOf(config->architecture()) == NetworkKind::kConvNext) {
    config->set_layer_scale(own.layer_scale());
  } else if (own.has_zero_init_residual()) {
    config->set_zero_init_residual(own.zero_init_residual());
  }
  // Channels are rounded: those of the first layer do not tell the others.
  if (own.width_factor() != 0) config->set_width_factor(own.width_factor());
  *config->mutable_extra_channels() = own.extra_channels();
  return absl::OkStatus();
}

// What config.json says against what the shapes do.
absl::Status CheckConfig(const v1::ImportWeightsOptions& options, const ForeignConfig& foreign,
                         const BackboneTensors& tensors, const v1::BackboneConfig& config,
                         std::vector<std::string>* notes) {
  if (!foreign.unknown.empty()) {
    CASSLE_RETURN_IF_ERROR(DecideByOption(
        absl::StrCat("config.json beside it is that of ", foreign.unknown,
                     ", which is not known here and may compute something else with the same "
                     "tensors, so that nothing is checked by it"),
        options.backbone().architecture(), config.architecture(), notes));
  }
  const WeightArray& first = *tensors.arrays.at(FirstLayer(config));
  return CheckFits(foreign, config, first.shape[0]);
}

absl::StatusOr<v1::BackboneConfig> DescribeBackbone(
    const v1::ImportWeightsOptions& options, const FoundBackbone& found,
    const BackboneTensors& tensors, const WeightFile& file, const v1::ModelSpec& own,
    const ForeignConfig& foreign, std::vector<std::string>* notes) {
  std::vector<TensorSignature> signatures;
  for (const auto& [name, array] : tensors.arrays) {
    signatures.push_back({name, array->dtype, array->shape});
  }
  CASSLE_RETURN_IF_ERROR(CheckBlocks(tensors));
  CASSLE_ASSIGN_OR_RETURN(v1::BackboneConfig config, DetectBackbone(signatures));
  const auto table = tensors.arrays.find("pos_embed");
  if (IsVit(config)) config.set_positions(PositionsOf(*table->second, config));
  if (own.has_backbone()) {
    CASSLE_RETURN_IF_ERROR(TakeOwn(own.backbone(), &config));
    const int said = config.heads(), given = options.backbone().heads();
    if (said != 0 && given != 0 && given != said) {
      notes->push_back(absl::StrCat("attention heads: ", given,
                                    " by --backbone.heads, although the file says ", said));
    }
    notes->push_back("what shapes do not tell is as export-weights or pretrain wrote it");
  } else {
    CASSLE_RETURN_IF_ERROR(CheckConfig(options, foreign, tensors, config, notes));
    CASSLE_RETURN_IF_ERROR(
        CheckNames(file, found, options.backbone().architecture(), config, notes));
    ForeignConfig said = foreign;
    CASSLE_RETURN_IF_ERROR(AddModules(file.modules, found, config, &said));
    CASSLE_ASSIGN_OR_RETURN(const std::string sentence,
                            DecideUntold(options.backbone(), said, found, tensors, &config));
    notes->push_back(sentence);
  }
  config.MergeFrom(options.backbone());
  return ResolveBackbone(config, config.image_size());
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
  CASSLE_ASSIGN_OR_RETURN(
      *result.spec.mutable_backbone(),
      DescribeBackbone(options, found, tensors, file, own, foreign, &result.notes));
  const v1::BackboneConfig& config = result.spec.backbone();
  CASSLE_RETURN_IF_ERROR(
      DescribeNormalization(options, own, foreign.normalization, &result.spec, &result.notes));
  result.spec.set_image_size(ImageSizeOf(options, own, foreign, config));
  if (options.image_size() == 0 && foreign.image_size != 0 &&
      foreign.image_size != result.spec.image_size()) {
    result.notes.push_back(absl::StrCat("images of ", result.spec.image_size(),
                                        " px, as the position table has, although what lies "
                                        "beside the weights says ",
                                        foreign.image_size, "; --image_size decides otherwise"));
  }
  const std::string positions = ResizedPositionsSentence(config, result.spec.image_size());
  if (!positions.empty()) result.notes.push_back(positions);
  const bool named = options.provenance() != kDefaultProvenance || own.provenance().empty();
  result.spec.set_provenance(named ? options.provenance() : own.provenance());
  CASSLE_RETURN_IF_ERROR(Annotate(CheckModelSpec(result.spec), "--image_size, --mean, --std"));
  return result;
}

}  // namespace cassle
