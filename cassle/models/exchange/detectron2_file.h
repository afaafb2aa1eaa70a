// Backbones for Detectron2 (github.com/facebookresearch/detectron2): what its checkpointer loads as
// MODEL.WEIGHTS, under the names of its ResNets.
//
//   ours                             Detectron2's
//   conv1.weight, bn1.bias           stem.conv1.weight, stem.conv1.norm.bias
//   layer1.0.conv2.weight            res2.0.conv2.weight
//   layer4.2.bn3.running_var         res5.2.conv3.norm.running_var
//   layer2.0.downsample.0.weight     res3.0.shortcut.weight
//   layer2.0.downsample.1.weight     res3.0.shortcut.norm.weight
//
// The file is what MoCo's convert-pretrain-to-detectron2.py writes: a pickle of
// {"model": {name: numpy array}, "__author__": ..., "matching_heuristics": True}.
#ifndef CASSLE_MODELS_EXCHANGE_DETECTRON2_FILE_H_
#define CASSLE_MODELS_EXCHANGE_DETECTRON2_FILE_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/models/exchange/weight_array.h"

namespace cassle {

// The name that Detectron2 gives to a tensor of our residual networks; empty for what it does not
// have (the counters num_batches_tracked).
std::string ToDetectron2Name(const std::string& name);

// Writes float32 `arrays` under the names they have, as protocol 3 (Python 3). Equal arrays give
// equal bytes.
// \error kInvalidArgument for another type or an array of 4 GiB; those of FileWriter.
absl::Status WriteDetectron2File(const std::string& path, const std::vector<WeightArray>& arrays);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_DETECTRON2_FILE_H_
