// What is chosen of a vision transformer, and what is not.
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/status_macros.h"
#include "cassle/models/networks/backbone_settings.h"
#include "cassle/models/networks/backbone_sizes.h"
#include "cassle/models/networks/vit.h"

namespace cassle {
namespace {

constexpr int kDefaultPatchSize = 16;
constexpr int kDefaultImageSize = 224;
// Up to this side patches of 16 px would leave a handful of tokens.
constexpr int kSmallImageMaxSize = 64;
constexpr int kSmallPatchSize = 4;

}  // namespace

void ResolveVit(int image_size, v1::BackboneConfig* config) {
  if (config->image_size() == 0) config->set_image_size(image_size);
  if (config->patch_size() == 0) {
    config->set_patch_size(config->image_size() <= kSmallImageMaxSize ? kSmallPatchSize
                                                                      : kDefaultPatchSize);
  }
  if (const VitSize* size = FindVit(config->architecture())) {
    if (config->heads() == 0) config->set_heads(static_cast<int32_t>(size->heads));
    if (config->feed_forward() == v1::FEED_FORWARD_UNSPECIFIED && size->swiglu) {
      config->set_feed_forward(v1::SWIGLU);
    }
  }
  if (config->positions() == v1::POSITIONS_UNSPECIFIED) config->set_positions(v1::SINCOS);
  if (!config->has_frozen_patch_embedding()) config->set_frozen_patch_embedding(true);
}

absl::StatusOr<std::shared_ptr<Backbone>> MakeVit(const v1::BackboneConfig& given) {
  CASSLE_RETURN_IF_ERROR(RefuseOtherSettings(
      given,
      {"patch_size", "heads", "positions", "frozen_patch_embedding", "image_size", "extra_channels",
       "norm_eps", "registers", "layer_scale", "feed_forward", "position_resize"}));
  v1::BackboneConfig config = given;
  ResolveVit(kDefaultImageSize, &config);
  VisionTransformer::Options options;
  const VitSize* size = FindVit(config.architecture());
  if (size == nullptr) {
    return absl::InternalError(absl::StrCat(config.architecture(), " has no width"));
  }
  options.width = size->width;
  options.depth = size->depth;
  if (config.image_size() % config.patch_size() != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--backbone.patch_size=", config.patch_size(), ": images of ", config.image_size(),
        " px are no multiple of it; choose a patch size that divides ", config.image_size()));
  }
  if (options.width % config.heads() != 0) {
    return absl::InvalidArgumentError(absl::StrCat("--backbone.heads=", config.heads(),
                                                   " does not divide the width ", options.width));
  }
  if (config.positions() != v1::SINCOS && config.positions() != v1::LEARNED) {
    return absl::InvalidArgumentError("--backbone.positions: must be SINCOS or LEARNED");
  }
  options.channels = kImageChannels + config.extra_channels_size();
  options.heads = config.heads();
  options.patch_size = config.patch_size();
  options.image_size = config.image_size();
  options.learned_positions = config.positions() == v1::LEARNED;
  options.frozen_patch_embedding = config.frozen_patch_embedding();
  options.registers = config.registers();
  options.layer_scale = config.layer_scale();
  options.swiglu = config.feed_forward() == v1::SWIGLU;
  options.position_resize = config.position_resize();
  if (config.norm_eps() != 0) options.norm_eps = config.norm_eps();
  return std::shared_ptr<Backbone>(std::make_shared<VisionTransformer>(options));
}

}  // namespace cassle
