// Classifier: features of images in, the probability of every class out; of what linear-probe,
// sgd-probe or knn learnt. No LibTorch.
//
//   CASSLE_ASSIGN_OR_RETURN(const auto classifier, OpenClassifier("probe", {}));
//   CASSLE_ASSIGN_OR_RETURN(const std::vector<double> p, classifier->Probabilities(features));
#ifndef CASSLE_EVAL_CLASSIFIERS_CLASSIFIER_H_
#define CASSLE_EVAL_CLASSIFIERS_CLASSIFIER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cassle/eval/embeddings/feature_origin.h"

namespace cassle {

class Classifier {
 public:
  virtual ~Classifier() = default;

  // features [n, d] row-major -> [n, C]; each row sums to 1. A row depends on its image alone, but
  // for the last bits. One call at a time.
  // \error kInternal if it cannot compute.
  virtual absl::StatusOr<std::vector<double>> Probabilities(absl::Span<const float> features) = 0;

  // "label", or the target that was learnt.
  const std::string& target() const { return target_; }
  // In the order of the probabilities.
  const std::vector<std::string>& class_names() const { return class_names_; }

 protected:
  Classifier(std::string target, std::vector<std::string> class_names)
      : target_(std::move(target)), class_names_(std::move(class_names)) {}

 private:
  const std::string target_;
  const std::vector<std::string> class_names_;
};

// Logits [n, C] row-major become probabilities, in place.
void SoftmaxRows(int64_t classes, std::vector<double>* logits);

struct ClassifierOptions {
  // One of those learnt. Empty: the only one there is, or label.
  std::string target = {};
  // Of knn: the embeddings that vote.
  std::string train = {};
  // Of knn; 0 and below 0: what was most accurate when it was tested (the first of equals).
  int64_t neighbors = 0;
  double temperature = -1;
  int threads = 1;
};

struct OpenedClassifier {
  std::unique_ptr<Classifier> classifier;
  FeatureOrigin origin;
  // Width of the features.
  int64_t columns = 0;
  // Choices that were made, for people; may be empty.
  std::string note;
};

// The folder of a stage that wrote classifier.safetensors (classifier_file.h).
// \error kNotFound if the folder is not there or not complete; kFailedPrecondition if it holds no
// classifier or an old one, lacks the target (naming those there are), or --train is missing or not
// what voted; kInvalidArgument for options of knn with another classifier, or more neighbours than
// there are; kDataLoss for damage.
absl::StatusOr<OpenedClassifier> OpenClassifier(const std::string& folder,
                                                const ClassifierOptions& options);

// Only what it was learnt from.
// \error as OpenClassifier.
absl::StatusOr<FeatureOrigin> ReadFeatureOrigin(const std::string& folder);

}  // namespace cassle

#endif  // CASSLE_EVAL_CLASSIFIERS_CLASSIFIER_H_
