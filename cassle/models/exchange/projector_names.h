// The projector in the checkpoints of the authors of CASSLE and AugSelf, in our names.
//
//   theirs                        ours (conditioning.h)
//   projector.projector.0.weight  mlp.0.weight            CASSLE
//   projector.aug_processor.0...  conditioner.0...        CASSLE
//   projector.0.weight            mlp.0.weight            AugSelf
#ifndef CASSLE_MODELS_EXCHANGE_PROJECTOR_NAMES_H_
#define CASSLE_MODELS_EXCHANGE_PROJECTOR_NAMES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "cassle/models/exchange/weight_array.h"

namespace cassle {

struct ProjectorTensor {
  // "mlp.0.weight"
  std::string name;
  const WeightArray* array;
};

// The projector beside the backbone under `prefix` ("backbone.", "x.backbone."), or nothing if
// there is none that takes features of this size: with the conditioner's outputs (or a raw
// descriptor, at most 64 values) added to the width, or not. Pointers into `arrays`.
std::vector<ProjectorTensor> FindProjector(const std::string& prefix,
                                           const std::vector<WeightArray>& arrays,
                                           int64_t feature_size);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_PROJECTOR_NAMES_H_
