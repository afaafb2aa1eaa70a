// What a model is whose weights come from elsewhere, put together from four sources. Each is asked
// for what the ones before it do not say:
//
//   options                       --backbone.*, --image_size, --mean, --std, --provenance
//   metadata of export-weights    heads, positions, normalisation, ... of our own models
//   config.json and               heads, norm_eps (untold_by_shapes.h) and normalisation
//   preprocessor_config.json      (imported_normalization.h) of Hugging Face's and timm's
//   modules of a whole pickle     heads, norm_eps (module_settings.h)
//   names in a checkpoint         nothing, but what contradicts the tensors (told_by_names.h)
//   shapes and values             everything else; the heads that published networks of the width
//                                 have, ImageNet's normalisation
//
// Shapes are always right: what contradicts them is an error.
#ifndef CASSLE_MODELS_IMPORTED_SPEC_H_
#define CASSLE_MODELS_IMPORTED_SPEC_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/models/exchange/backbone_tensors.h"
#include "cassle/models/exchange/configs/foreign_config.h"
#include "cassle/models/exchange/weight_array.h"
#include "cassle/models/exchange/weight_families.h"
#include "cassle/models/import_weights_options.pb.h"
#include "cassle/models/networks/model.pb.h"

namespace cassle {

struct ImportedSpec {
  v1::ModelSpec spec;
  // What was decided without being said by a shape or an option, a sentence each.
  std::vector<std::string> notes;
};

// \error DataLoss if it is no backbone that is known, or config.json is that of another, or nothing
// tells how many heads it has;
// InvalidArgument for options out of range.
absl::StatusOr<ImportedSpec> DescribeImported(const v1::ImportWeightsOptions& options,
                                              const FoundBackbone& found,
                                              const BackboneTensors& tensors,
                                              const WeightFile& file, const ForeignConfig& config);

}  // namespace cassle

#endif  // CASSLE_MODELS_IMPORTED_SPEC_H_
