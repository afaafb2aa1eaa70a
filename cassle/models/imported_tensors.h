// The tensors of another program's file in a backbone of ours.
#ifndef CASSLE_MODELS_IMPORTED_TENSORS_H_
#define CASSLE_MODELS_IMPORTED_TENSORS_H_

#include <string>

#include "absl/status/status.h"
#include "cassle/models/exchange/backbone_tensors.h"
#include "cassle/models/exchange/weight_array.h"
#include "cassle/models/networks/backbone.h"

namespace cassle {

// That the values of a tensor, by our name, are numbers, and variances none below 0.
// \error DataLoss naming it as the file does.
absl::Status CheckValues(const WeightArray& array, const std::string& our_name);

// Copies them into the backbone's state; counters of batches, which nothing here depends on, may be
// absent.
// \error DataLoss if names, types or shapes differ, with the likely reason, or values are no
// numbers; the backbone is then in a state that is neither.
absl::Status LoadImported(const BackboneTensors& tensors, Backbone* backbone);

}  // namespace cassle

#endif  // CASSLE_MODELS_IMPORTED_TENSORS_H_
