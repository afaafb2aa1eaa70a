#include "cassle/models/exchange/projector_names.h"

#include <map>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace cassle {
namespace {

constexpr char kBackbone[] = "backbone.";
// All groups of all policies together have fewer.
constexpr int64_t kMaxDescriptor = 64;

// Our name, or "" for what this is not.
std::string OurName(absl::string_view name) {
  absl::string_view part = "mlp.";
  if (absl::ConsumePrefix(&name, "aug_processor.")) {
    part = "conditioner.";
  } else {
    absl::ConsumePrefix(&name, "projector.");
  }
  int index = 0;
  const size_t dot = name.find('.');
  if (dot == absl::string_view::npos || !absl::SimpleAtoi(name.substr(0, dot), &index)) return "";
  return absl::StrCat(part, name);
}

// Sizes of the two-dimensional weights in order: [out, in] of each linear layer of `part`.
std::vector<std::vector<int64_t>> Layers(const std::vector<ProjectorTensor>& tensors,
                                         absl::string_view part) {
  std::map<int, std::vector<int64_t>> layers;
  for (const ProjectorTensor& tensor : tensors) {
    absl::string_view name = tensor.name;
    int index = 0;
    if (absl::ConsumePrefix(&name, part) && absl::ConsumeSuffix(&name, ".weight") &&
        absl::SimpleAtoi(name, &index) && tensor.array->shape.size() == 2) {
      layers[index] = tensor.array->shape;
    }
  }
  std::vector<std::vector<int64_t>> shapes;
  for (const auto& [index, shape] : layers) shapes.push_back(shape);
  return shapes;
}

bool IsChain(const std::vector<std::vector<int64_t>>& layers) {
  for (size_t i = 1; i < layers.size(); ++i) {
    if (layers[i][1] != layers[i - 1][0]) return false;
  }
  return !layers.empty();
}

}  // namespace

std::vector<ProjectorTensor> FindProjector(const std::string& prefix,
                                           const std::vector<WeightArray>& arrays,
                                           int64_t feature_size) {
  if (!absl::EndsWith(prefix, kBackbone)) return {};
  const std::string beside =
      absl::StrCat(prefix.substr(0, prefix.size() - (sizeof(kBackbone) - 1)), "projector.");
  std::vector<ProjectorTensor> tensors;
  for (const WeightArray& array : arrays) {
    absl::string_view name = array.name;
    if (!absl::ConsumePrefix(&name, beside)) continue;
    tensors.push_back({OurName(name), &array});
    if (tensors.back().name.empty()) return {};
  }
  const auto mlp = Layers(tensors, "mlp.");
  const auto conditioner = Layers(tensors, "conditioner.");
  if (!IsChain(mlp) || (!conditioner.empty() && !IsChain(conditioner))) return {};
  const int64_t added = mlp[0][1] - feature_size;
  const bool fits = conditioner.empty() ? added >= 0 && added <= kMaxDescriptor
                                        : added == conditioner.back()[0] ||
                                              (added == 0 && conditioner.back()[0] == feature_size);
  return fits ? tensors : std::vector<ProjectorTensor>();
}

}  // namespace cassle
