// The mean and standard deviation of the images that an imported model is used with.
#ifndef CASSLE_MODELS_IMPORTED_NORMALIZATION_H_
#define CASSLE_MODELS_IMPORTED_NORMALIZATION_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/models/exchange/configs/foreign_config.h"
#include "cassle/models/import_weights_options.pb.h"
#include "cassle/models/networks/model.pb.h"

namespace cassle {

// Fills in `spec`, whose mean and std are empty: --mean and --std first, then what our own export
// says (`own`), then what lies beside the weights, then ImageNet's. A sentence in `notes` names
// where they are from.
// \error DataLoss if what lies beside the weights says values that are none of pixels from 0 to 1,
// or one of the two; InvalidArgument if one is given and nothing says the other.
absl::Status DescribeNormalization(const v1::ImportWeightsOptions& options,
                                   const v1::ModelSpec& own, const ForeignNormalization& beside,
                                   v1::ModelSpec* spec, std::vector<std::string>* notes);

}  // namespace cassle

#endif  // CASSLE_MODELS_IMPORTED_NORMALIZATION_H_
