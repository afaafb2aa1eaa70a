// The stage import-weights: weights of others become a model folder that embed accepts.
//
// Files: weight_file.h (read without Python and without executing anything). Names: the table in
// weight_families.h. What tensors do not tell: imported_spec.h. Whatever stands before the names
// ("module.", "state_dict.module.base_encoder.", "backbone.") is found; of several backbones one is
// chosen as backbone_choice.h says. Every decision, and everything that was left out, is a note.
//
// The checkpoints of CASSLE's and AugSelf's authors hold a projector beside the backbone; it is
// imported where it fits, in our names (projector.conditioner., projector.mlp.).
#ifndef CASSLE_MODELS_IMPORT_WEIGHTS_STAGE_H_
#define CASSLE_MODELS_IMPORT_WEIGHTS_STAGE_H_

#include "absl/status/status.h"
#include "cassle/models/import_weights_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

StageInfo ImportWeightsInfo();

// `options` with defaults applied, as the harness hands them over.
// \error InvalidArgument for settings out of range or that do not fit the file; NotFound if it
// cannot be read; DataLoss if it is damaged, holds no backbone or several, or one that is not
// known, with a readable difference (state_difference.h).
absl::Status RunImportWeights(const v1::ImportWeightsOptions& options, StageContext& context);

}  // namespace cassle

#endif  // CASSLE_MODELS_IMPORT_WEIGHTS_STAGE_H_
