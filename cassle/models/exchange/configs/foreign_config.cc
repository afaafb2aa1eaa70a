#include "cassle/models/exchange/configs/foreign_config.h"

#include <algorithm>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/escaped_name.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/exchange/configs/json_fields.h"
#include "cassle/models/exchange/configs/timm_names.h"
#include "cassle/models/networks/backbone_sizes.h"

namespace cassle {
namespace {

using nlohmann::json;

using Kind = NetworkKind;

// Transformers' names of networks that are ours, and of vision transformers the norm_eps that it
// takes where config.json has none.
struct HubNetwork {
  const char* name;
  Kind kind;
  double norm_eps = 0;
};
constexpr HubNetwork kHubNetworks[] = {
    {"vit", Kind::kTransformer, 1e-12},
    {"vit_mae", Kind::kTransformer, 1e-12},
    {"vit_msn", Kind::kTransformer, 1e-6},
    {"deit", Kind::kTransformer, 1e-12},
    {"dinov2", Kind::kTransformer, 1e-6},
    {"dinov2_with_registers", Kind::kTransformer, 1e-6},
    {"resnet", Kind::kResNet},
    {"convnext", Kind::kConvNext},
};
// Of every transformer of timm.
constexpr double kTimmEps = 1e-6;

constexpr int kMaxHeads = 1 << 12;
constexpr int kMaxWidth = 1 << 20;

// Settings that change what is computed and not one tensor; absent is what we have.
struct Requirement {
  Kind kind;
  const char* field;
  const char* ours;
};
constexpr Requirement kRequirements[] = {
    {Kind::kTransformer, "hidden_act", "\"gelu\""},
    {Kind::kTransformer, "global_pool", "\"token\""},
    {Kind::kTransformer, "class_token", "true"},
    {Kind::kTransformer, "act_layer", "\"gelu\""},
    {Kind::kTransformer, "pre_norm", "false"},
    {Kind::kTransformer, "final_norm", "true"},
    {Kind::kTransformer, "fc_norm", "false"},
    {Kind::kTransformer, "in_chans", "3"},
    {Kind::kResNet, "hidden_act", "\"relu\""},
    {Kind::kResNet, "downsample_in_bottleneck", "false"},
    {Kind::kResNet, "downsample_in_first_stage", "false"},
    {Kind::kResNet, "global_pool", "\"avg\""},
    {Kind::kResNet, "act_layer", "\"relu\""},
    {Kind::kResNet, "output_stride", "32"},
    {Kind::kResNet, "stem_type", "\"\""},
    {Kind::kResNet, "replace_stem_pool", "false"},
    {Kind::kResNet, "aa_layer", "\"\""},
    {Kind::kResNet, "avg_down", "false"},
    {Kind::kResNet, "in_chans", "3"},
    {Kind::kConvNext, "hidden_act", "\"gelu\""},
    {Kind::kConvNext, "global_pool", "\"avg\""},
    {Kind::kConvNext, "act_layer", "\"gelu\""},
    {Kind::kConvNext, "output_stride", "32"},
    {Kind::kConvNext, "stem_type", "\"patch\""},
    {Kind::kConvNext, "head_norm_first", "false"},
    {Kind::kConvNext, "use_grn", "false"},
    {Kind::kConvNext, "in_chans", "3"},
};

// Arguments of timm's networks that are read, that tensors tell, or that matter in training only.
constexpr const char* kHarmlessArguments[] = {
    "num_heads",
    "embed_dim",
    "depth",
    "patch_size",
    "img_size",
    "num_classes",
    "no_embed_class",
    "init_values",
    "qkv_bias",
    "qk_norm",
    "mlp_ratio",
    "weight_init",
    "fix_init",
    "dynamic_img_size",
    "strict_img_size",
    "drop_rate",
    "drop_path_rate",
    "attn_drop_rate",
    "pos_drop_rate",
    "proj_drop_rate",
    "patch_drop_rate",
    "drop_block_rate",
    "zero_init_last",
    "layers",
    "cardinality",
    "base_width",
    "reg_tokens",
    "depths",
    "dims",
    "ls_init_value",
};

absl::Status CheckRequirements(const json& object, Kind kind) {
  for (const Requirement& required : kRequirements) {
    if (required.kind != kind || !object.contains(required.field)) continue;
    const std::string value = ShownJson(object[required.field]);
    if (value != required.ours && value != "\"\"" && value != "null") {
      return absl::DataLossError(absl::StrCat(required.field, " is ", value,
                                              ", and the networks here have ", required.ours,
                                              ": the same weights would give other features"));
    }
  }
  return absl::OkStatus();
}

absl::Status CheckArguments(const json& arguments, Kind kind) {
  CASSLE_RETURN_IF_ERROR(CheckRequirements(arguments, kind));
  for (const auto& [name, value] : arguments.items()) {
    const auto is_name = [&key = name](const char* known) { return key == known; };
    const auto is_required = [&](const Requirement& required) {
      return required.kind == kind && is_name(required.field);
    };
    if (std::none_of(std::begin(kHarmlessArguments), std::end(kHarmlessArguments), is_name) &&
        std::none_of(std::begin(kRequirements), std::end(kRequirements), is_required)) {
      return absl::DataLossError(absl::StrCat(
          EscapedName(name), " is ", ShownJson(value),
          ", and what that changes is not known here: if it is nothing, take it out of the file"));
    }
  }
  return absl::OkStatus();
}

template <class T>
void Keep(T value, const std::string& by, Said<T>* said) {
  if (value != 0) *said = {value, by};
}

absl::Status ReadSaid(const json& object, const char* field, int most, absl::string_view file,
                      Said<int>* said) {
  int count = 0;
  CASSLE_RETURN_IF_ERROR(ReadCount(object, field, most, &count));
  Keep(count, absl::StrCat(field, " in ", file), said);
  return absl::OkStatus();
}

absl::Status ReadTransformers(const json& config, double usual_eps, ForeignConfig* result) {
  constexpr char kFile[] = "config.json";
  CASSLE_RETURN_IF_ERROR(CheckRequirements(config, result->kind));
  CASSLE_RETURN_IF_ERROR(ReadSide(config, "image_size", &result->image_size));
  if (result->kind == Kind::kConvNext) return absl::OkStatus();
  if (result->kind == Kind::kResNet) {
    return ReadSaid(config, "embedding_size", kMaxWidth, kFile, &result->width);
  }
  CASSLE_RETURN_IF_ERROR(ReadSaid(config, "num_attention_heads", kMaxHeads, kFile, &result->heads));
  CASSLE_RETURN_IF_ERROR(ReadSaid(config, "hidden_size", kMaxWidth, kFile, &result->width));
  CASSLE_RETURN_IF_ERROR(ReadSaid(config, "num_hidden_layers", kMaxWidth, kFile, &result->depth));
  Said<int>& patch = result->patch_size;
  CASSLE_RETURN_IF_ERROR(ReadSide(config, "patch_size", &patch.value));
  patch.by = "patch_size in config.json";
  double eps = 0;
  CASSLE_RETURN_IF_ERROR(ReadNumber(config, "layer_norm_eps", 1, &eps));
  result->norm_eps =
      eps > 0
          ? Said<double>{eps, "layer_norm_eps in config.json"}
          : Said<double>{usual_eps, absl::StrCat("what transformers takes for a ", result->model,
                                                 " whose config.json has no layer_norm_eps")};
  return absl::OkStatus();
}

absl::Status ReadTimm(const json& config, const TimmNetwork& network, ForeignConfig* result) {
  const std::string by = absl::StrCat("the name ", result->model, " in config.json");
  result->architecture = network.architecture;
  Keep(network.heads, by, &result->heads);
  Keep(network.patch_size, by, &result->patch_size);
  if (result->kind == Kind::kTransformer) result->norm_eps = {kTimmEps, by};
  CASSLE_RETURN_IF_ERROR(CheckRequirements(config, result->kind));
  // Before 0.8 the weights' description was not an object of its own.
  const bool nested = config.contains("pretrained_cfg") && config["pretrained_cfg"].is_object();
  const json& weights = nested ? config["pretrained_cfg"] : config;
  CASSLE_RETURN_IF_ERROR(ReadThree(weights, "mean", &result->normalization.mean));
  CASSLE_RETURN_IF_ERROR(ReadThree(weights, "std", &result->normalization.std));
  result->normalization.by = "config.json";
  std::vector<double> size;
  CASSLE_RETURN_IF_ERROR(ReadThree(weights, "input_size", &size));
  if (!size.empty() && size[1] >= 1 && size[1] <= 16384) {
    result->image_size = static_cast<int>(size[1]);
  }
  if (!HasField(config, "model_args")) return absl::OkStatus();
  const json& arguments = config["model_args"];
  if (!arguments.is_object()) return absl::DataLossError("model_args is no object");
  constexpr char kArguments[] = "model_args of config.json";
  const auto read = [&]() -> absl::Status {
    CASSLE_RETURN_IF_ERROR(CheckArguments(arguments, result->kind));
    CASSLE_RETURN_IF_ERROR(ReadSaid(arguments, "num_heads", kMaxHeads, kArguments, &result->heads));
    CASSLE_RETURN_IF_ERROR(ReadSaid(arguments, "embed_dim", kMaxWidth, kArguments, &result->width));
    CASSLE_RETURN_IF_ERROR(ReadSaid(arguments, "depth", kMaxWidth, kArguments, &result->depth));
    int patch = 0;
    CASSLE_RETURN_IF_ERROR(ReadSide(arguments, "patch_size", &patch));
    Keep(patch, absl::StrCat("patch_size in ", kArguments), &result->patch_size);
    return ReadSide(arguments, "img_size", &result->image_size);
  };
  CASSLE_RETURN_IF_ERROR(Annotate(read(), "model_args"));
  // The name's width no longer holds.
  if (result->width.value != 0) result->architecture.clear();
  return absl::OkStatus();
}

}  // namespace

NetworkKind KindOf(absl::string_view architecture) {
  if (FindVit(architecture) != nullptr) return Kind::kTransformer;
  return FindConvNext(architecture) != nullptr ? Kind::kConvNext : Kind::kResNet;
}

absl::StatusOr<ForeignConfig> ParseForeignConfig(absl::string_view text) {
  CASSLE_ASSIGN_OR_RETURN(const json config, ParseJsonObject(text));
  ForeignConfig result;
  const std::string type = TextField(config, "model_type"),
                    timm = TextField(config, "architecture");
  const std::string name = EscapedName(timm.empty() ? type : timm);
  if (!timm.empty()) {
    const std::optional<TimmNetwork> network = FindTimmNetwork(timm);
    if (!network) {
      result.unknown = name;
      return result;
    }
    result.model = name;
    result.kind = KindOf(network->architecture);
    CASSLE_RETURN_IF_ERROR(ReadTimm(config, *network, &result));
    return result;
  }
  for (const HubNetwork& network : kHubNetworks) {
    if (type != network.name) continue;
    result.model = name;
    result.kind = network.kind;
    CASSLE_RETURN_IF_ERROR(ReadTransformers(config, network.norm_eps, &result));
    return result;
  }
  result.unknown = name;
  return result;
}

}  // namespace cassle
