#include "cassle/ssl/method/layer_decay.h"

#include <cmath>
#include <string>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"

namespace cassle {
namespace {

constexpr char kStem[] = "stem";
constexpr char kTop[] = "top";

// "layer1.0", "blocks.11", kStem or kTop.
std::string BlockOf(absl::string_view name) {
  if (!absl::ConsumePrefix(&name, "backbone.")) return kTop;
  const std::vector<std::string> parts = absl::StrSplit(name, '.');
  if (parts[0] == "norm") return kTop;
  if (parts.size() < 2) return kStem;
  if (absl::StartsWith(parts[0], "layer") || parts[0] == "blocks") {
    return absl::StrCat(parts[0], ".", parts[1]);
  }
  return kStem;
}

class LayerDecayed : public Method {
 public:
  LayerDecayed(std::unique_ptr<Method> method, double decay)
      : method_(std::move(method)), decay_(decay) {}

  MethodOutput Forward(const Batch& batch) override {
    method_->set_progress(epoch(), epochs());
    return method_->Forward(batch);
  }
  void AfterStep() override { method_->AfterStep(); }
  std::vector<Network> networks() const override { return method_->networks(); }
  std::vector<NamedTensor> other_state() const override { return method_->other_state(); }
  int num_views() const override { return method_->num_views(); }
  bool uses_labels() const override { return method_->uses_labels(); }
  std::vector<ParameterGroup> GroupParameters(
      const std::vector<NamedTensor>& parameters) const override {
    return GroupByLayer(parameters, decay_);
  }

 private:
  const std::unique_ptr<Method> method_;
  const double decay_;
};

}  // namespace

std::vector<ParameterGroup> GroupByLayer(const std::vector<NamedTensor>& parameters, double decay) {
  // Stem, blocks in order of their appearance, top.
  std::vector<std::pair<std::string, ParameterGroup>> blocks = {{kStem, {}}};
  ParameterGroup top;
  for (const NamedTensor& parameter : parameters) {
    const std::string name = BlockOf(parameter.name);
    if (name == kTop) {
      top.parameters.push_back(parameter);
      continue;
    }
    if (name != kStem && name != blocks.back().first) blocks.emplace_back(name, ParameterGroup());
    (name == kStem ? blocks.front() : blocks.back()).second.parameters.push_back(parameter);
  }
  std::vector<ParameterGroup> groups;
  for (auto& [name, group] : blocks) {
    if (!group.parameters.empty()) groups.push_back(std::move(group));
  }
  groups.push_back(std::move(top));
  for (size_t i = 0; i < groups.size(); ++i) {
    groups[i].rate_scale = std::pow(decay, static_cast<double>(groups.size() - 1 - i));
  }
  return groups;
}

std::unique_ptr<Method> WithLayerDecay(std::unique_ptr<Method> method, double decay) {
  return std::make_unique<LayerDecayed>(std::move(method), decay);
}

}  // namespace cassle
