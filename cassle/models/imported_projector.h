// The projector beside an imported backbone, as far as one can be built here that takes its
// weights.
#ifndef CASSLE_MODELS_IMPORTED_PROJECTOR_H_
#define CASSLE_MODELS_IMPORTED_PROJECTOR_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/models/exchange/projector_names.h"

namespace cassle {

struct ImportedProjector {
  // Empty if none is imported.
  std::vector<ProjectorTensor> tensors;
  // Why it is not, or what its weights do not tell; or empty.
  std::string note;
};

// Of what FindProjector found. It is left out, with a note, where LoadProjector could do nothing
// with it; what its shapes do not tell is a note too, and the stages that need it say it again.
// \error DataLoss if it is imported and a value is no number.
absl::StatusOr<ImportedProjector> JudgeProjector(const std::vector<ProjectorTensor>& found,
                                                 int64_t feature_size);

}  // namespace cassle

#endif  // CASSLE_MODELS_IMPORTED_PROJECTOR_H_
