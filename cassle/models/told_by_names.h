// What names tell of an imported backbone beside its tensors: those that the checkpoint and its
// file have for the network, and those of the tensors around it.
#ifndef CASSLE_MODELS_TOLD_BY_NAMES_H_
#define CASSLE_MODELS_TOLD_BY_NAMES_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "cassle/models/exchange/weight_array.h"
#include "cassle/models/exchange/weight_families.h"
#include "cassle/models/networks/model.pb.h"

namespace cassle {

// Adds a note if `given`, an architecture by option, decides in spite of `sentence`, which says why
// the network may compute something else than the `detected` one.
// \error DataLoss, the sentence, if none is given.
absl::Status DecideByOption(const std::string& sentence, absl::string_view given,
                            absl::string_view detected, std::vector<std::string>* notes);

// Of a checkpoint ("arch": "resnetblur18"; timm_names.h), and of a network for segmentation, whose
// last stages torchvision dilates.
// \error those of DecideByOption.
absl::Status CheckNames(const WeightFile& file, const FoundBackbone& found, absl::string_view given,
                        const v1::BackboneConfig& detected, std::vector<std::string>* notes);

// What the name of the file says against `detected`; empty if that is nothing.
std::string FileNameSentence(absl::string_view path, const v1::BackboneConfig& detected);

}  // namespace cassle

#endif  // CASSLE_MODELS_TOLD_BY_NAMES_H_
