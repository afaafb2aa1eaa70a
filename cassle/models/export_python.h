// The Python that makes the network of exported weights.
#ifndef CASSLE_MODELS_EXPORT_PYTHON_H_
#define CASSLE_MODELS_EXPORT_PYTHON_H_

#include <string>

#include "cassle/models/networks/model.pb.h"

namespace cassle {

// Whether exported tensors can have torchvision's names: it has no registers, layer scales or
// SwiGLU; a ConvNeXt is exported under timm's names, which are ours.
bool HasTorchvisionNames(const v1::BackboneConfig& config);

// Makes `model`, without classifier, which takes the weights by load_state_dict; empty if no
// library has such a network. `config` is resolved (backbone.h); `timm`: under the names of timm.
std::string PythonOf(const v1::BackboneConfig& config, bool timm);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXPORT_PYTHON_H_
