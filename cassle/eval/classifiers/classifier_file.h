// classifier.safetensors: what linear-probe, sgd-probe and knn leave for predict. No LibTorch.
//
//   of each target NAME, by linear-probe and sgd-probe
//     weight.NAME      [C, d] F32   logits are weight x + bias
//     bias.NAME        [C] F32
//     prediction.NAME  [n] I64      the class of every test row that has one
//     confusion.NAME   [C, C] I64   rows: the classes, columns: what they are taken for
//   of each target NAME, by knn
//     accuracy.NAME    [k, t] F64   with so many neighbours, at each temperature
//   and of all its targets
//     k                [k] I64      numbers of neighbours
//     temperature      [t] F64
//   metadata
//     classes.NAME     JSON list of class names
//     weights_fingerprint, preprocess_fingerprint, resize_px, precision, provenance, readout
//                      of the features that were learnt from, as in embeddings.safetensors
//     train_fingerprint, metric
//                      of knn: the folder of the embeddings that vote; cosine or euclidean
#ifndef CASSLE_EVAL_CLASSIFIERS_CLASSIFIER_FILE_H_
#define CASSLE_EVAL_CLASSIFIERS_CLASSIFIER_FILE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "cassle/base/safetensors.h"
#include "cassle/eval/embeddings/embeddings.h"
#include "cassle/probes/thin_products.h"

namespace cassle {

inline constexpr char kClassifierName[] = "classifier.safetensors";

// Collects the targets of one stage. Equal content gives equal bytes.
class ClassifierWriter {
 public:
  // learnt_from: the embeddings whose encoder and preprocessing new images need.
  explicit ClassifierWriter(const Embeddings& learnt_from);

  // classifier [C, d + 1], the last column the bias; test_predictions and test_labels: of each row
  // it was tested on.
  void AddLinear(const std::string& target, const std::vector<std::string>& class_names,
                 const PaddedMatrix<double>& classifier, const std::vector<int>& test_predictions,
                 const std::vector<int>& test_labels);

  // metric "cosine" or "euclidean"; train_fingerprint: of the folder whose rows vote.
  void SetVotes(const std::vector<int64_t>& neighbors, const std::vector<double>& temperatures,
                const std::string& metric, const std::string& train_fingerprint);
  // accuracies [neighbors, temperatures], row-major.
  void AddVotes(const std::string& target, const std::vector<std::string>& class_names,
                const std::vector<double>& accuracies);

  // Into the folder; without one ("") nothing.
  // \error as SafetensorsWriter::Write.
  absl::Status Write(const std::string& folder) const;

 private:
  void SetClasses(const std::string& target, const std::vector<std::string>& class_names);

  SafetensorsWriter writer_;
  int64_t neighbors_ = 0;
  int64_t temperatures_ = 0;
};

}  // namespace cassle

#endif  // CASSLE_EVAL_CLASSIFIERS_CLASSIFIER_FILE_H_
