// Which of our backbones a set of names and shapes is.
#ifndef CASSLE_MODELS_EXCHANGE_DETECT_BACKBONE_H_
#define CASSLE_MODELS_EXCHANGE_DETECT_BACKBONE_H_

#include <vector>

#include "absl/status/statusor.h"
#include "cassle/models/networks/model.pb.h"
#include "cassle/models/weights/state_difference.h"

namespace cassle {

// What `tensors`, in our names (weight_families.h), are: architecture, stem and width factor, or
// patch size, image size, registers, layer scales and SwiGLU.
// \error DataLoss saying what is not known.
absl::StatusOr<v1::BackboneConfig> DetectBackbone(const std::vector<TensorSignature>& tensors);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_DETECT_BACKBONE_H_
