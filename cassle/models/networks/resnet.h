// Residual networks (He et al. 2016, arXiv:1512.03385; bottlenecks with the stride on the 3x3
// convolution, as torchvision) without the classification layer: those of backbone_sizes.h. The
// wide ones (Zagoruyko & Komodakis 2016, arXiv:1605.07146) have twice the channels inside
// bottlenecks. Parameter names and their order are torchvision's. Made through backbone.h.
#ifndef CASSLE_MODELS_NETWORKS_RESNET_H_
#define CASSLE_MODELS_NETWORKS_RESNET_H_

#include <memory>

#include "absl/status/statusor.h"
#include "cassle/models/networks/backbone.h"

namespace cassle {

// Fills in what is not chosen: the CIFAR stem up to 64 px, width factor 1, zero-initialised
// residual blocks.
void ResolveResNet(int image_size, v1::BackboneConfig* config);

// Values are undefined until Initialize.
// \error InvalidArgument naming the field that is out of range, missing (stem), or has no meaning
// here.
absl::StatusOr<std::shared_ptr<Backbone>> MakeResNet(const v1::BackboneConfig& config);

}  // namespace cassle

#endif  // CASSLE_MODELS_NETWORKS_RESNET_H_
