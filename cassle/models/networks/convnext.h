// ConvNeXt (Liu et al. 2022, arXiv:2201.03545) without the classification layer: those of
// backbone_sizes.h.
//
// A 4x4 convolution with stride 4 and a layer norm; four stages, each but the first behind a layer
// norm and a 2x2 convolution with stride 2, of blocks
//   x + gamma * fc2(GELU(fc1(norm(depthwise 7x7 convolution(x)))))
// with a hidden width of 4; the features are the last activations averaged over space, behind a
// last norm. Every norm is over the channels of a pixel and has eps 1e-6. Initialisation as in the
// authors' code: weights N(0, 0.02), biases 0, gamma 1e-6.
//
// Parameter names and their order are timm's. Made through backbone.h.
#ifndef CASSLE_MODELS_NETWORKS_CONVNEXT_H_
#define CASSLE_MODELS_NETWORKS_CONVNEXT_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/models/networks/backbone.h"

namespace cassle {

// Fills in what is not chosen: width factor 1, layer scales of 1e-6.
void ResolveConvNext(int image_size, v1::BackboneConfig* config);

// Values are undefined until Initialize.
// \error InvalidArgument naming the field that is out of range or has no meaning here.
absl::StatusOr<std::shared_ptr<Backbone>> MakeConvNext(const v1::BackboneConfig& config);

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_CONVNEXT_H_
