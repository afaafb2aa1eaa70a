#include "cassle/models/exchange/configs/module_settings.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/backbone_sizes.h"

namespace cassle {
namespace {

constexpr char kResNetEps[] = "1e-05";
constexpr char kConvNextEps[] = "1e-06";
constexpr char kActivations[] = "torch.nn.modules.activation.";

absl::Status Other(const PickledModule& module, absl::string_view is, absl::string_view ours) {
  return absl::DataLossError(absl::StrCat(
      "its module ", module.name.empty() ? "itself" : module.name, " (", module.what, ") has ", is,
      ", and the networks here have ", ours, ": the same weights would give other features"));
}

// "2" and "2,2" are the same.
absl::Status CheckSetting(const PickledModule& module, const std::string& key,
                          const std::string& ours) {
  const auto found = module.settings.find(key);
  if (found == module.settings.end()) return absl::OkStatus();
  if (found->second == ours || found->second == absl::StrCat(ours, ",", ours)) {
    return absl::OkStatus();
  }
  return Other(module, absl::StrCat(key, " ", found->second), ours);
}

// Of a convolution by our name; 0: it is none of ours.
int StrideOf(const std::string& name, const v1::BackboneConfig& config) {
  if (name == "conv1") return config.stem() == v1::IMAGENET ? 2 : 1;
  const std::vector<std::string> parts = absl::StrSplit(name, '.');
  if (parts.size() < 3 || !absl::StartsWith(parts[0], "layer")) return 0;
  if (parts[2] != "downsample" && !absl::StartsWith(parts[2], "conv")) return 0;
  const ResNetSize* size = FindResNet(config.architecture());
  const std::string strided = size != nullptr && size->bottleneck ? "conv2" : "conv1";
  const bool halves =
      parts[0] != "layer1" && parts[1] == "0" && (parts[2] == "downsample" || parts[2] == strided);
  return halves ? 2 : 1;
}

absl::Status CheckActivation(const PickledModule& module, absl::string_view ours) {
  if (!absl::StartsWith(module.what, kActivations) ||
      absl::EndsWith(module.what, ".MultiheadAttention")) {
    return absl::OkStatus();
  }
  if (module.what == absl::StrCat(kActivations, ours)) {
    return CheckSetting(module, "approximate", "none");
  }
  return Other(module, "another activation", ours);
}

// What stands before the first blocks without a tensor: children by name, or the first numbers of
// an nn.Sequential.
bool IsOfStem(absl::string_view name) {
  return name == "relu" || name == "act1" || name == "maxpool" ||
         (name.size() == 1 && absl::ascii_isdigit(name[0]) && name[0] < '5');
}

absl::Status CheckResNet(const PickledModule& module, absl::string_view name,
                         const std::string& ours, const v1::BackboneConfig& config,
                         ForeignConfig* said) {
  const int stride = StrideOf(ours, config);
  if (stride != 0 && absl::EndsWith(module.what, "Conv2d")) {
    CASSLE_RETURN_IF_ERROR(CheckSetting(module, "stride", absl::StrCat(stride)));
    CASSLE_RETURN_IF_ERROR(CheckSetting(module, "dilation", "1"));
    if (ours == "conv1" && module.settings.count("stride") > 0) {
      said->stem_by = absl::StrCat("by the stride of its module ", module.name);
    }
  }
  const bool block = absl::StartsWith(ours, "layer");
  if (absl::EndsWith(module.what, "BatchNorm2d") && (block || ours == "bn1")) {
    return CheckSetting(module, "eps", kResNetEps);
  }
  if (!IsOfStem(name) && !block) return absl::OkStatus();
  if (absl::EndsWith(module.what, "MaxPool2d")) {
    if (config.stem() == v1::CIFAR) return Other(module, "a max-pool", "none behind a 3x3 stem");
    return CheckSetting(module, "stride", "2");
  }
  if (name == "maxpool" && config.stem() == v1::IMAGENET) {
    return Other(module, "no max-pool", "one behind a 7x7 stem");
  }
  return CheckActivation(module, "ReLU");
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

absl::Status CheckVit(const PickledModule& module, const std::string& ours,
                      const v1::BackboneConfig& config, ForeignConfig* said) {
  const auto setting = [&module](const char* key) {
    const auto found = module.settings.find(key);
    return found == module.settings.end() ? std::string() : found->second;
  };
  const bool block = absl::StartsWith(ours, "blocks.");
  if ((block || ours == "norm") && absl::EndsWith(module.what, "LayerNorm")) {
    double eps = 0;
    if (!absl::SimpleAtod(setting("eps"), &eps)) eps = 0;
    CASSLE_RETURN_IF_ERROR(Agree(module, "eps", eps, &said->norm_eps));
  }
  for (const char* key : {"num_heads", "num_attention_heads"}) {
    int heads = 0;
    if (!absl::SimpleAtoi(setting(key), &heads)) continue;
    CASSLE_RETURN_IF_ERROR(Agree(module, key, heads, &said->heads));
  }
  if (!block) return absl::OkStatus();
  return CheckActivation(module, config.feed_forward() == v1::SWIGLU ? "SiLU" : "GELU");
}

absl::Status CheckConvNext(const PickledModule& module, const std::string& ours) {
  if (!absl::StartsWith(ours, "stem") && !absl::StartsWith(ours, "stages") &&
      !absl::StartsWith(ours, "head.norm") && !absl::StartsWith(ours, "features")) {
    return absl::OkStatus();
  }
  if (absl::StrContains(module.what, "LayerNorm")) {
    CASSLE_RETURN_IF_ERROR(CheckSetting(module, "eps", kConvNextEps));
  }
  return CheckActivation(module, "GELU");
}

}  // namespace

absl::Status AddModules(const std::vector<PickledModule>& modules, const FoundBackbone& found,
                        const v1::BackboneConfig& detected, ForeignConfig* config) {
  for (const PickledModule& module : modules) {
    const std::string dotted = module.name.empty() ? "" : module.name + ".";
    if (!absl::StartsWith(dotted, found.prefix)) continue;
    const std::string behind = dotted.substr(found.prefix.size());
    if (behind.empty()) {
      CASSLE_RETURN_IF_ERROR(CheckSetting(module, "global_pool", "token"));
      continue;
    }
    std::string ours = ToOurName(*found.family, behind);
    ours.pop_back();
    const absl::string_view name = absl::string_view(behind).substr(0, behind.size() - 1);
    switch (KindOf(detected.architecture())) {
      case NetworkKind::kResNet:
        CASSLE_RETURN_IF_ERROR(CheckResNet(module, name, ours, detected, config));
        break;
      case NetworkKind::kTransformer:
        CASSLE_RETURN_IF_ERROR(CheckVit(module, ours, detected, config));
        break;
      case NetworkKind::kConvNext:
        CASSLE_RETURN_IF_ERROR(CheckConvNext(module, ours));
    }
  }
  return absl::OkStatus();
}

}  // namespace cassle
