// That no block of a network lacks the tensors that blocks are counted and told apart by.
#ifndef CASSLE_MODELS_EXCHANGE_WHOLE_BLOCKS_H_
#define CASSLE_MODELS_EXCHANGE_WHOLE_BLOCKS_H_

#include "absl/status/status.h"
#include "cassle/models/exchange/backbone_tensors.h"

namespace cassle {

// Before DetectBackbone (detect_backbone.h), which would take a block without them for the end of
// the network.
// \error DataLoss naming the tensor that is missing, and one that stands beside it.
absl::Status CheckBlocks(const BackboneTensors& tensors);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_WHOLE_BLOCKS_H_
