#include "cassle/models/networks/backbone.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/resnet.h"
#include "cassle/models/networks/vit.h"
#include "cassle/stage/options.h"

namespace cassle {
namespace {

struct Entry {
  const char* name;
  void (*resolve)(int image_size, v1::BackboneConfig* config);
  absl::StatusOr<std::shared_ptr<Backbone>> (*make)(const v1::BackboneConfig& config);
};

constexpr Entry kBackbones[] = {
    {"resnet18", ResolveResNet, MakeResNet}, {"resnet34", ResolveResNet, MakeResNet},
    {"resnet50", ResolveResNet, MakeResNet}, {"vit_tiny", ResolveVit, MakeVit},
    {"vit_small", ResolveVit, MakeVit},      {"vit_base", ResolveVit, MakeVit},
};

absl::StatusOr<const Entry*> FindBackbone(const std::string& name) {
  for (const Entry& entry : kBackbones) {
    if (name == entry.name) return &entry;
  }
  return absl::InvalidArgumentError(absl::StrCat("backbone.architecture: \"", name,
                                                 "\" is not one of ",
                                                 absl::StrJoin(BackboneNames(), ", ")));
}

}  // namespace

std::vector<at::Tensor> Backbone::ForwardLayers(const at::Tensor& images, int64_t first,
                                                int64_t last) {
  const std::vector<at::Tensor> stages = ForwardStages(images);
  std::vector<at::Tensor> layers;
  for (int64_t layer = first; layer <= last; ++layer) {
    at::Tensor map = stages[layer];
    if (map.scalar_type() == at::kBFloat16) map = map.to(at::kFloat);
    layers.push_back(map.flatten(2).transpose(1, 2));
  }
  return layers;
}

std::vector<std::string> BackboneNames() {
  std::vector<std::string> names;
  for (const Entry& entry : kBackbones) names.push_back(entry.name);
  return names;
}

absl::StatusOr<v1::BackboneConfig> ResolveBackbone(v1::BackboneConfig config, int image_size) {
  if (config.architecture().empty()) config.set_architecture("resnet18");
  CASSLE_ASSIGN_OR_RETURN(const Entry* entry, FindBackbone(config.architecture()));
  entry->resolve(image_size, &config);
  return config;
}

absl::StatusOr<std::shared_ptr<Backbone>> MakeBackbone(const v1::BackboneConfig& config,
                                                       uint64_t seed) {
  CASSLE_ASSIGN_OR_RETURN(const Entry* entry, FindBackbone(config.architecture()));
  CASSLE_RETURN_IF_ERROR(CheckRanges(config, "backbone."));
  CASSLE_ASSIGN_OR_RETURN(std::shared_ptr<Backbone> backbone, entry->make(config));
  backbone->Initialize(seed, "backbone.");
  return backbone;
}

}  // namespace cassle
