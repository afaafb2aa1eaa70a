// The vote of the nearest neighbours as a Classifier.
#ifndef CASSLE_EVAL_CLASSIFIERS_NEIGHBOR_CLASSIFIER_H_
#define CASSLE_EVAL_CLASSIFIERS_NEIGHBOR_CLASSIFIER_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/base/safetensors.h"
#include "cassle/eval/classifiers/classifier.h"

namespace cassle {

// Fills in classifier, columns and note: the probability of a class is its share of the votes
// (cassle/probes/nearest_neighbors.h). The features that vote are not in `file`, which knn wrote,
// but in options.train, whose fingerprint it has.
// \error as OpenClassifier.
absl::Status OpenNeighborClassifier(const SafetensorsFile& file, const std::string& target,
                                    std::vector<std::string> class_names,
                                    const ClassifierOptions& options, OpenedClassifier* opened);

}  // namespace cassle

#endif  // CASSLE_EVAL_CLASSIFIERS_NEIGHBOR_CLASSIFIER_H_
