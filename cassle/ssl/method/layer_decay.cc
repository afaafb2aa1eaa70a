#include "cassle/ssl/method/layer_decay.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "cassle/ssl/method/regrouped.h"

namespace cassle {
namespace {

constexpr char kStem[] = "stem";
constexpr char kTop[] = "top";

// "layer1.0", "blocks.11", "stages.2.8", kStem or kTop.
std::string BlockOf(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "backbone.")) return kTop;
  const std::vector<std::string> parts = absl::StrSplit(name, '.');
  if (parts[0] == "norm" || parts[0] == "head") return kTop;
  if (parts.size() < 2) return kStem;
  if (absl::StartsWith(parts[0], "layer") || parts[0] == "blocks") {
    return absl::StrCat(parts[0], ".", parts[1]);
  }
  // A stage's downsampling goes with its first block.
  if (parts[0] == "stages" && parts.size() >= 4) {
    return absl::StrCat("stages.", parts[1], ".", parts[2] == "blocks" ? parts[3] : "0");
  }
  return kStem;
}

}  // namespace

std::vector<ParameterGroup> GroupByLayer(const std::vector<ParameterGroup>& groups, double decay) {
  // In the order of their appearance, from below; the stem first.
  std::vector<std::string> blocks;
  for (const ParameterGroup& group : groups) {
    for (const NamedTensor& parameter : group.parameters) {
      const std::string name = BlockOf(parameter.name);
      if (std::find(blocks.begin(), blocks.end(), name) != blocks.end()) continue;
      if (name != kTop) blocks.insert(name == kStem ? blocks.begin() : blocks.end(), name);
    }
  }
  blocks.push_back(kTop);
  std::vector<ParameterGroup> split;
  for (const ParameterGroup& group : groups) {
    for (size_t i = 0; i < blocks.size(); ++i) {
      ParameterGroup part;
      part.rate_scale =
          group.rate_scale * std::pow(decay, static_cast<double>(blocks.size() - 1 - i));
      part.constant_rate = group.constant_rate;
      for (const NamedTensor& parameter : group.parameters) {
        if (BlockOf(parameter.name) == blocks[i]) part.parameters.push_back(parameter);
      }
      if (!part.parameters.empty()) split.push_back(std::move(part));
    }
  }
  return split;
}

std::unique_ptr<Method> WithLayerDecay(std::unique_ptr<Method> method, double decay) {
  return std::make_unique<Regrouped>(
      std::move(method), [decay](const auto& groups) { return GroupByLayer(groups, decay); });
}

}  // namespace cassle
