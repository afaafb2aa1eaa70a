#include "cassle/models/networks/backbone.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/backbone_sizes.h"
#include "cassle/models/networks/convnext.h"
#include "cassle/models/networks/resnet.h"
#include "cassle/models/networks/vit.h"
#include "cassle/runtime/precision_scope.h"
#include "cassle/stage/options.h"

namespace cassle {
namespace {

struct Family {
  std::vector<std::string> names;
  void (*resolve)(int image_size, v1::BackboneConfig* config);
  absl::StatusOr<std::shared_ptr<Backbone>> (*make)(const v1::BackboneConfig& config);
};

template <class Sizes>
std::vector<std::string> NamesOf(const Sizes& sizes) {
  std::vector<std::string> names;
  for (const auto& size : sizes) names.push_back(size.name);
  return names;
}

const std::vector<Family>& Families() {
  static const auto& families = *new std::vector<Family>{
      {NamesOf(ResNetSizes()), ResolveResNet, MakeResNet},
      {NamesOf(VitSizes()), ResolveVit, MakeVit},
      {NamesOf(ConvNextSizes()), ResolveConvNext, MakeConvNext},
  };
  return families;
}

absl::StatusOr<const Family*> FindFamily(const std::string& name) {
  for (const Family& family : Families()) {
    if (std::find(family.names.begin(), family.names.end(), name) != family.names.end()) {
      return &family;
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--backbone.architecture=", name, " is not one of ", absl::StrJoin(BackboneNames(), ", ")));
}

}  // namespace

std::vector<at::Tensor> Backbone::ForwardLayers(const at::Tensor& images, int64_t first,
                                                int64_t last) {
  const std::vector<at::Tensor> stages = ForwardStages(images);
  std::vector<at::Tensor> layers;
  for (int64_t layer = first; layer <= last; ++layer) {
    layers.push_back(AtLeastFloat32(stages[layer]).flatten(2).transpose(1, 2));
  }
  return layers;
}

std::vector<std::string> BackboneNames() {
  std::vector<std::string> names;
  for (const Family& family : Families()) {
    names.insert(names.end(), family.names.begin(), family.names.end());
  }
  return names;
}

absl::StatusOr<v1::BackboneConfig> ResolveBackbone(v1::BackboneConfig config, int image_size) {
  if (config.architecture().empty()) config.set_architecture("resnet18");
  CASSLE_ASSIGN_OR_RETURN(const Family* family, FindFamily(config.architecture()));
  family->resolve(image_size, &config);
  return config;
}

absl::StatusOr<std::shared_ptr<Backbone>> MakeBackbone(const v1::BackboneConfig& config,
                                                       uint64_t seed) {
  CASSLE_ASSIGN_OR_RETURN(const Family* family, FindFamily(config.architecture()));
  CASSLE_RETURN_IF_ERROR(CheckRanges(config, "backbone."));
  CASSLE_ASSIGN_OR_RETURN(std::shared_ptr<Backbone> backbone, family->make(config));
  backbone->Initialize(seed, "backbone.");
  return backbone;
}

}  // namespace cassle
