// Backbones: the image encoders whose features are evaluated.
//
//   CASSLE_ASSIGN_OR_RETURN(config, ResolveBackbone(config, /*image_size=*/32));
//   CASSLE_ASSIGN_OR_RETURN(std::shared_ptr<Backbone> backbone, MakeBackbone(config, /*seed=*/1));
//   at::Tensor features = backbone->forward(images);  // [B, 3, S, S] -> [B, feature_size()]
//
// Residual networks (resnet.h), vision transformers (vit.h) and ConvNeXt (convnext.h). A new family
// is one file pair, the table of its sizes (backbone_sizes.h) and its line in backbone.cc.
#ifndef CASSLE_MODELS_NETWORKS_BACKBONE_H_
#define CASSLE_MODELS_NETWORKS_BACKBONE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/models/networks/model.pb.h"
#include "cassle/models/networks/module.h"

namespace cassle {

// Channels of an image: R, G, B.
inline constexpr int64_t kImageChannels = 3;

class Backbone : public Module {
 public:
  // images   [B, kImageChannels + extra_channels of the configuration, H, W] float, normalised;
  //          channels-last memory is faster than contiguous.
  // Returns  [B, feature_size()], always at least float32 (also under autocast): the last
  //          activations averaged over space, or the class token.
  // Throws c10::Error if the images do not fit (a vision transformer wants multiples of its patch,
  // a ConvNeXt kConvNextMinImageSize).
  virtual at::Tensor forward(const at::Tensor& images) { return ForwardStages(images).back(); }

  // The outputs of the stem, of each of the four stages [B, C, H', W'], and last of forward(). A
  // vision transformer's stem is the patch embedding with positions, its stages are quarters of its
  // blocks, and the maps hold the tokens of the patches.
  virtual std::vector<at::Tensor> ForwardStages(const at::Tensor& images) = 0;

  virtual int64_t feature_size() const = 0;

  // Layers that features may be read from besides forward() (cassle/features/readout.h): the four
  // stages, or the blocks of a vision transformer.
  virtual int64_t layers() const { return 4; }
  virtual bool layers_have_one_width() const { return false; }
  // Tokens that stand before those of the patches, the class token first. 0: there is none.
  virtual int64_t special_tokens() const { return 0; }
  // The outputs of the layers `first` to `last`, counted from 1: [B, special_tokens() + positions,
  // C], positions row by row, at least float32, after the last norm of a vision transformer.
  virtual std::vector<at::Tensor> ForwardLayers(const at::Tensor& images, int64_t first,
                                                int64_t last);
};

// Every architecture, in the order of the table.
std::vector<std::string> BackboneNames();

// Fills in what a run on images of this side (pixels) does not choose: resnet18, and what resnet.h
// and vit.h say.
// \error InvalidArgument if the architecture is unknown.
absl::StatusOr<v1::BackboneConfig> ResolveBackbone(v1::BackboneConfig config, int image_size);

// Builds and initialises: a parameter's values depend on (seed, "backbone." + its name) only; see
// Module::Initialize.
// \error InvalidArgument naming the field if the configuration names an unknown architecture, a
// value that is out of range, or a setting that the architecture does not have.
absl::StatusOr<std::shared_ptr<Backbone>> MakeBackbone(const v1::BackboneConfig& config,
                                                       uint64_t seed);

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_BACKBONE_H_
