// Backbones: the image encoders whose features are evaluated.
//
//   CASSLE_ASSIGN_OR_RETURN(std::shared_ptr<Backbone> backbone, MakeBackbone(config, /*seed=*/1));
//   at::Tensor features = backbone->forward(images);   // [B, 3, S, S] -> [B,
//   backbone->feature_size()]
//
// Residual networks (He et al. 2016, arXiv:1512.03385; bottlenecks with the stride on the 3x3
// convolution, as torchvision) without the classification layer. Parameter names and their order
// are torchvision's.
#ifndef CASSLE_MODELS_BACKBONE_H_
#define CASSLE_MODELS_BACKBONE_H_

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/models/model.pb.h"
#include "cassle/models/module.h"

namespace cassle {

class Backbone : public Module {
 public:
  // images   [B, 3 + extra_channels of the configuration, H, W] float, normalised; channels-last
  // memory is faster than contiguous. Returns  [B, feature_size()], the last activations averaged
  // over space, always at least float32 (also under autocast).
  at::Tensor forward(const at::Tensor& images) { return ForwardStages(images).back(); }

  // The outputs of the stem, of each of the four stages [B, C, H', W'], and last of forward().
  virtual std::vector<at::Tensor> ForwardStages(const at::Tensor& images) = 0;

  virtual int64_t feature_size() const = 0;
};

// Builds and initialises: a parameter's values depend on (seed, "backbone." + its name) only; see
// Module::Initialize. \error InvalidArgument if the configuration names an unknown architecture, no
// stem, or a width that is not positive.
absl::StatusOr<std::shared_ptr<Backbone>> MakeBackbone(const v1::BackboneConfig& config,
                                                       uint64_t seed);

}  // namespace cassle

#endif  // CASSLE_MODELS_BACKBONE_H_
