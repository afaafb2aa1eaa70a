#include "cassle/models/exchange/configs/module_settings.h"

#include <set>
#include <string>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/exchange/configs/module_classes.h"
#include "cassle/models/networks/backbone_sizes.h"

namespace cassle {
namespace {

constexpr char kResNetEps[] = "1e-05";
constexpr char kConvNextEps[] = "1e-06";

// A module and where it stands.
struct Place {
  const PickledModule& module;
  // Behind the prefix, in the file's words and in ours.
  absl::string_view name;
  std::string ours;
  // Whether it holds no other modules.
  bool leaf;
  // Whether the blocks lie under the first part of its name.
  bool in_trunk;
};

absl::Status Other(const PickledModule& module, absl::string_view is, absl::string_view ours) {
  return absl::DataLossError(absl::StrCat(
      "its module ", module.name.empty() ? "itself" : module.name, " (", module.what, ") has ", is,
      ", and the networks here have ", ours, ": the same weights would give other features"));
}

absl::Status Unknown(const PickledModule& module, absl::string_view ours) {
  if (absl::StrContains(module.what, ".activation")) {
    return Other(module, "another activation", ours);
  }
  return absl::DataLossError(absl::StrCat(
      "its module ", module.name, " (", module.what,
      ") is not known here and may change the features: if it does not, save model.state_dict()"));
}

std::string SettingOf(const PickledModule& module, const std::string& key) {
  const auto found = module.settings.find(key);
  return found == module.settings.end() ? "" : found->second;
}

// "2" and "2,2" are the same.
bool IsSetting(absl::string_view value, absl::string_view ours) {
  return value.empty() || value == ours || value == absl::StrCat(ours, ",", ours);
}

absl::Status CheckSetting(const PickledModule& module, const std::string& key,
                          absl::string_view ours) {
  const std::string value = SettingOf(module, key);
  if (IsSetting(value, ours)) return absl::OkStatus();
  return Other(module, absl::StrCat(key, " ", value), ours);
}

// Of a convolution by our name; 0: it is none of ours.
int StrideOf(const std::string& name, const v1::BackboneConfig& config) {
  if (name == "conv1") return config.stem() == v1::IMAGENET ? 2 : 1;
  const std::vector<std::string> parts = absl::StrSplit(name, '.');
  if (parts.size() < 3 || !absl::StartsWith(parts[0], "layer")) return 0;
  const bool shortcut = parts.size() == 4 && parts[2] == "downsample" && parts[3] == "0";
  if (!shortcut && !(parts.size() == 3 && absl::StartsWith(parts[2], "conv"))) return 0;
  const ResNetSize* size = FindResNet(config.architecture());
  const std::string strided = size != nullptr && size->bottleneck ? "conv2" : "conv1";
  const bool halves = parts[0] != "layer1" && parts[1] == "0" && (shortcut || parts[2] == strided);
  return halves ? 2 : 1;
}

bool IsNormPlace(absl::string_view ours) {
  const std::vector<absl::string_view> parts = absl::StrSplit(ours, '.');
  if (parts.size() == 1) return ours == "bn1";
  if (!absl::StartsWith(ours, "layer")) return false;
  return (parts.size() == 3 && absl::StartsWith(parts[2], "bn")) ||
         (parts.size() == 4 && parts[2] == "downsample" && parts[3] == "1");
}

absl::Status CheckConvolution(const PickledModule& module, int stride) {
  if (!IsConvolution(module.what)) return Unknown(module, "a convolution");
  CASSLE_RETURN_IF_ERROR(CheckSetting(module, "stride", absl::StrCat(stride)));
  CASSLE_RETURN_IF_ERROR(CheckSetting(module, "dilation", "1"));
  CASSLE_RETURN_IF_ERROR(CheckSetting(module, "groups", "1"));
  CASSLE_RETURN_IF_ERROR(CheckSetting(module, "padding_mode", "zeros"));
  for (const int kernel : {1, 3, 7}) {
    const std::string size = SettingOf(module, "kernel_size");
    if (size.empty() || !IsSetting(size, absl::StrCat(kernel))) continue;
    CASSLE_RETURN_IF_ERROR(CheckSetting(module, "padding", absl::StrCat(kernel / 2)));
  }
  return absl::OkStatus();
}

absl::string_view FirstPart(absl::string_view name) { return name.substr(0, name.find('.')); }

absl::Status CheckActivation(const PickledModule& module, absl::string_view ours) {
  if (!IsActivation(module.what, ours)) return Unknown(module, ours);
  return CheckSetting(module, "approximate", "none");
}

// Of blocks as torchvision and timm call them; Hugging Face's last convolution of a block has an
// `activation` that is none.
bool IsActivationPlace(absl::string_view name) {
  const absl::string_view part = name.substr(name.rfind('.') + 1);
  return part == "relu" || part == "act" || part == "act1" || part == "act2" || part == "act3";
}

// A module without tensors that does nothing, or is our activation.
absl::Status CheckWithoutTensors(const PickledModule& module, absl::string_view ours) {
  if (!IsNeutral(module.what)) return CheckActivation(module, ours);
  if (!IsActivationPlace(module.name)) return absl::OkStatus();
  return Other(module, "no activation", ours);
}

// What stands before the first blocks without a tensor: children by name, those of Hugging Face's
// embedder, or the first numbers of an nn.Sequential.
bool IsOfStem(absl::string_view name) {
  return name == "relu" || name == "act1" || name == "maxpool" ||
         absl::StartsWith(name, "embedder.") ||
         (name.size() == 1 && absl::ascii_isdigit(name[0]) && name[0] < '5');
}

absl::Status CheckStem(const PickledModule& module, absl::string_view name,
                       const v1::BackboneConfig& config) {
  const bool imagenet = config.stem() == v1::IMAGENET;
  if (absl::EndsWith(module.what, "MaxPool2d")) {
    if (!imagenet) return Other(module, "a max-pool", "none behind a 3x3 stem");
    CASSLE_RETURN_IF_ERROR(CheckSetting(module, "kernel_size", "3"));
    CASSLE_RETURN_IF_ERROR(CheckSetting(module, "stride", "2"));
    CASSLE_RETURN_IF_ERROR(CheckSetting(module, "padding", "1"));
    return CheckSetting(module, "ceil_mode", "false");
  }
  if (imagenet && (name == "maxpool" || name == "embedder.pooler")) {
    return Other(module, "no max-pool", "one behind a 7x7 stem");
  }
  return CheckWithoutTensors(module, "ReLU");
}

// What makes features of the last block's map: the child that is called so, and timm's child of it.
bool IsPool(absl::string_view what, absl::string_view name) {
  for (const char* known :
       {"avgpool", "global_pool", "global_pool.pool", "pooler", "pool", "gap"}) {
    if (name == known) return true;
  }
  return absl::StrContains(what, "Pool") && !absl::StrContains(name, ".");
}

absl::Status CheckPool(const PickledModule& module, const v1::BackboneConfig& config) {
  if (!IsMeanPool(module.what)) return Other(module, "another pooling", "the mean of all places");
  const std::string type = SettingOf(module, "pool_type");
  if (type != "fast" && type != "fastavg") {
    CASSLE_RETURN_IF_ERROR(CheckSetting(module, "pool_type", "avg"));
  }
  CASSLE_RETURN_IF_ERROR(CheckSetting(module, "output_size", "1"));
  // Of a number of places, which is that of images of 224 and 32.
  return CheckSetting(module, "kernel_size", config.stem() == v1::IMAGENET ? "7" : "4");
}

absl::Status CheckResNet(const Place& place, const v1::BackboneConfig& config,
                         ForeignConfig* said) {
  const PickledModule& module = place.module;
  const int stride = StrideOf(place.ours, config);
  if (stride != 0) {
    CASSLE_RETURN_IF_ERROR(CheckConvolution(module, stride));
    if (place.ours == "conv1" && module.settings.count("stride") > 0) {
      said->stem_by = absl::StrCat("by the stride of its module ", module.name);
    }
    return absl::OkStatus();
  }
  if (IsNormPlace(place.ours)) {
    if (!IsBatchNorm(module.what)) return Other(module, "another norm", "batch norms");
    return CheckSetting(module, "eps", kResNetEps);
  }
  if (place.in_trunk) {
    return place.leaf ? CheckWithoutTensors(module, "ReLU") : absl::OkStatus();
  }
  if (IsOfStem(place.name)) {
    const bool judged = place.leaf || place.name == "maxpool";
    return judged ? CheckStem(module, place.name, config) : absl::OkStatus();
  }
  return IsPool(module.what, place.name) ? CheckPool(module, config) : absl::OkStatus();
}

// Whether a module stands before the first blocks of an nn.Sequential.
bool IsOfNumberedStem(const Place& place) {
  return !place.in_trunk && absl::ascii_isdigit(place.name[0]) && IsOfStem(FirstPart(place.name));
}

// That an nn.Sequential has what the networks here have between their first norm and the first
// blocks: forward() adds nothing to it. Without modules its numbers tell.
absl::Status CheckSequence(const std::vector<Place>& places, const WeightFamily& family,
                           const v1::BackboneConfig& config) {
  bool relu = places.empty() && family.has_relu, max_pool = places.empty() && family.has_max_pool;
  for (const Place& place : places) {
    if (!IsOfNumberedStem(place)) continue;
    relu = relu || IsActivation(place.module.what, "ReLU");
    max_pool = max_pool || absl::EndsWith(place.module.what, "MaxPool2d");
  }
  if (!relu) {
    return absl::DataLossError(
        "its nn.Sequential has no ReLU behind its first norm, and the networks here have one: "
        "where a forward() applied it (as Lightly's and kuangliu's do) the sequence lost it; save "
        "the state_dict() of the network itself, unless it was trained so");
  }
  if (!max_pool && config.stem() == v1::IMAGENET) {
    return absl::DataLossError(
        "its nn.Sequential has no max-pool before its first blocks, and the networks here have one "
        "behind a 7x7 stem: the same weights would give other features");
  }
  return absl::OkStatus();
}

// That all modules say the same, and config.json too.
template <class T>
absl::Status Agree(const PickledModule& module, const char* what, T value, Said<T>* said) {
  if (value == 0) return absl::OkStatus();
  if (said->value != 0 && said->value != value) {
    return absl::DataLossError(absl::StrCat("its module ", module.name, " has ", what, " ", value,
                                            ", and ", said->by, " says ", said->value));
  }
  if (said->value == 0) *said = {value, absl::StrCat("its module ", module.name)};
  return absl::OkStatus();
}

absl::Status CheckVit(const Place& place, const v1::BackboneConfig& config, ForeignConfig* said) {
  const PickledModule& module = place.module;
  if (place.ours == "patch_embed.proj") {
    if (!IsConvolution(module.what)) return Unknown(module, "a convolution");
    CASSLE_RETURN_IF_ERROR(CheckSetting(module, "stride", absl::StrCat(config.patch_size())));
    return CheckSetting(module, "padding", "0");
  }
  for (const char* key : {"num_heads", "num_attention_heads"}) {
    int heads = 0;
    if (!absl::SimpleAtoi(SettingOf(module, key), &heads)) continue;
    return Agree(module, key, heads, &said->heads);
  }
  if (!place.in_trunk && place.ours != "norm") return absl::OkStatus();
  if (IsLayerNorm(module.what)) {
    double eps = 0;
    if (!absl::SimpleAtod(SettingOf(module, "eps"), &eps)) eps = 0;
    return Agree(module, "eps", eps, &said->norm_eps);
  }
  // Layers with tensors are told by these.
  if (!place.leaf || absl::EndsWith(module.what, "Linear") ||
      absl::EndsWith(module.what, "LayerScale")) {
    return absl::OkStatus();
  }
  return CheckWithoutTensors(module, config.feed_forward() == v1::SWIGLU ? "SiLU" : "GELU");
}

absl::Status CheckConvNext(const Place& place) {
  const PickledModule& module = place.module;
  if (!place.in_trunk) return absl::OkStatus();
  if (absl::StrContains(module.what, "LayerNorm")) {
    return CheckSetting(module, "eps", kConvNextEps);
  }
  // Layers with tensors are told by these; torchvision moves channels by modules.
  if (!place.leaf || IsConvolution(module.what) || absl::EndsWith(module.what, "Linear") ||
      absl::EndsWith(module.what, "Permute")) {
    return absl::OkStatus();
  }
  return CheckWithoutTensors(module, "GELU");
}

absl::string_view ParentOf(absl::string_view name) {
  const size_t dot = name.rfind('.');
  return dot == absl::string_view::npos ? "" : name.substr(0, dot);
}

// Of blocks, and of what stands in them.
bool IsOfBlock(absl::string_view ours) {
  return absl::StartsWith(ours, "blocks.") || absl::StartsWith(ours, "stages.") ||
         (absl::StartsWith(ours, "layer") && ours.size() > 6 && absl::ascii_isdigit(ours[5]) &&
          ours[6] == '.');
}

}  // namespace

absl::Status AddModules(const std::vector<PickledModule>& modules, const FoundBackbone& found,
                        const v1::BackboneConfig& detected, ForeignConfig* config) {
  std::vector<Place> places;
  std::set<absl::string_view> parents, trunk;
  for (const PickledModule& module : modules) {
    parents.insert(ParentOf(module.name));
    const std::string dotted = module.name.empty() ? "" : module.name + ".";
    if (!absl::StartsWith(dotted, found.prefix)) continue;
    if (dotted.size() == found.prefix.size()) {
      CASSLE_RETURN_IF_ERROR(CheckSetting(module, "global_pool", "token"));
      continue;
    }
    std::string ours = ToOurName(*found.family, dotted.substr(found.prefix.size()));
    ours.pop_back();
    const absl::string_view name = absl::string_view(module.name).substr(found.prefix.size());
    if (IsOfBlock(ours)) trunk.insert(FirstPart(name));
    places.push_back({module, name, std::move(ours), false, false});
  }
  for (Place& place : places) {
    place.leaf = parents.count(place.module.name) == 0;
    place.in_trunk = trunk.count(FirstPart(place.name)) > 0;
    switch (KindOf(detected.architecture())) {
      case NetworkKind::kResNet:
        CASSLE_RETURN_IF_ERROR(CheckResNet(place, detected, config));
        break;
      case NetworkKind::kTransformer:
        CASSLE_RETURN_IF_ERROR(CheckVit(place, detected, config));
        break;
      case NetworkKind::kConvNext:
        CASSLE_RETURN_IF_ERROR(CheckConvNext(place));
    }
  }
  return found.family->numbered ? CheckSequence(places, *found.family, detected) : absl::OkStatus();
}

}  // namespace cassle
