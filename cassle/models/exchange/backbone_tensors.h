// One backbone out of a file of weights, in our names and our form.
#ifndef CASSLE_MODELS_EXCHANGE_BACKBONE_TENSORS_H_
#define CASSLE_MODELS_EXCHANGE_BACKBONE_TENSORS_H_

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/models/exchange/weight_array.h"
#include "cassle/models/exchange/weight_families.h"

namespace cassle {

struct BackboneTensors {
  // By our name; they point into the file and into `made`.
  std::map<std::string, const WeightArray*> arrays;
  // Tensors of the file that are no part of the backbone, counted by the beginning of their names:
  // heads, projectors, optimizers.
  std::map<std::string, int> left_out;
  // What was done to the tensors, a sentence each.
  std::vector<std::string> changes;
  std::deque<WeightArray> made;
};

// The key in left_out of a tensor that stands beside the backbone: the network or other object that
// it belongs to, the first part of its name behind wrappers.
std::string OwnerOf(const std::string& name);

// Query, key and value become one tensor, gates and values of SwiGLU too, and positions without a
// row for the class token get one of zeros: the same network, written as ours.
// \error DataLoss if a tensor is there twice or empty, or cannot be read, or belongs to a network
// that computes something else than ours (rotary positions, ...).
absl::StatusOr<BackboneTensors> SelectBackbone(const FoundBackbone& found, const WeightFile& file);

}  // namespace cassle

#endif  // CASSLE_MODELS_EXCHANGE_BACKBONE_TENSORS_H_
