// What a linear probe learns from, chooses by and is tested on: rows of embeddings folders as
// matrices, and the labels of a target.
#ifndef CASSLE_EVAL_ON_EMBEDDINGS_PROBE_SETS_H_
#define CASSLE_EVAL_ON_EMBEDDINGS_PROBE_SETS_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/eval/embeddings/embeddings.h"
#include "cassle/eval/on_embeddings/probe_inputs.pb.h"
#include "cassle/probes/thin_products.h"

namespace cassle {

// Rows of one embeddings folder, in the order they are used.
struct Rows {
  const Embeddings* from;
  std::vector<int64_t> rows;
};

// Everything the targets share.
struct ProbeSets {
  std::optional<Embeddings> train, val, test;
  Rows learn_train, learn_val, tested;
  // [rows, d + 1], last column 1: train rows, then val rows; and the test rows.
  PaddedMatrix<float> learn_features, test_features;
};

// Labels of one target for all three parts.
struct TargetLabels {
  std::vector<std::string> class_names;
  std::vector<int> learn, test;
};

// Opens the folders that `inputs` names and sets a validation part aside.
// \error kInvalidArgument for an unknown authors_split; kNotFound, kDataLoss and
// kFailedPrecondition for embeddings that are missing, broken, of different encoders or too few.
absl::StatusOr<std::unique_ptr<ProbeSets>> OpenProbeSets(const v1::ProbeInputs& inputs);

// \error those of Embeddings::Target; kFailedPrecondition if the parts name other classes or one
// class is all there is to learn from.
absl::StatusOr<TargetLabels> ReadTargetLabels(const ProbeSets& sets, const std::string& name);

// Keeps the training rows at these ascending positions; the validation rows stay. Labels follow by
// KeepLabels.
void KeepTrainingRows(const std::vector<int64_t>& positions, ProbeSets* sets);
void KeepLabels(const std::vector<int64_t>& positions, int64_t train_rows, TargetLabels* labels);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_EMBEDDINGS_PROBE_SETS_H_
