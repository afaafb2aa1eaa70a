// What a linear probe learns from, chooses by and is tested on: embeddings folders, the rows of
// them that have a target, and their features as matrices.
#ifndef CASSLE_EVAL_ON_EMBEDDINGS_PROBE_SETS_H_
#define CASSLE_EVAL_ON_EMBEDDINGS_PROBE_SETS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/eval/embeddings/embeddings.h"
#include "cassle/eval/on_embeddings/probe_inputs.pb.h"
#include "cassle/eval/result/evaluation.pb.h"
#include "cassle/probes/thin_products.h"

namespace cassle {

// The folders that ProbeInputs names. Immutable once opened; Rows point into it.
struct ProbeSets {
  v1::ProbeInputs inputs;
  std::optional<Embeddings> train, val, test;

  // Where the validation rows come from.
  const Embeddings& validating() const { return val.has_value() ? *val : *train; }
};

// Rows of one embeddings folder, in the order they are used.
struct Rows {
  const Embeddings* from = nullptr;
  std::vector<int64_t> rows;
};

// The rows that one target has.
struct ProbeRows {
  Rows train, val, test;
};

// The features of such rows.
struct ProbeFeatures {
  // [rows, d + 1], last column 1: train rows, then val rows; and the test rows.
  PaddedMatrix<float> learn, test;
};

// Class labels of one target.
struct TargetLabels {
  std::string name;
  std::vector<std::string> class_names;
  ProbeRows rows;
  // One per row: of the train rows, then the val rows; of the test rows.
  std::vector<int> learn, test;
  // Rows that are left out.
  std::vector<std::string> warnings;
};

// \error kInvalidArgument for an unknown authors_split; kNotFound, kDataLoss and
// kFailedPrecondition for embeddings that are missing, broken or of different encoders.
absl::StatusOr<ProbeSets> OpenProbeSets(const v1::ProbeInputs& inputs);

// EqualImageWarnings of train and test, and of images that a val of its own shares with either, or
// its part of train with the other (cassle/eval/embeddings/equal_images.h); that train has
// collapsed.
//   rows  of all targets.
absl::StatusOr<std::vector<std::string>> ProbeImageWarnings(
    const ProbeSets& sets, const std::vector<std::string>& targets,
    const std::vector<const ProbeRows*>& rows);

// Which rows have a target.
struct TargetPresence {
  // "class of label", for messages.
  std::string what;
  // Of each row of --train, of validating(), of --test.
  std::vector<bool> train, val, test;
};

// Leaves out the rows that lack the target, with a sentence in `warnings`, and sets a validation
// part of the others aside, unless it is there already.
// \error kFailedPrecondition if too few rows are left; those of SplitByList and FindAuthorsSplit.
absl::StatusOr<ProbeRows> ChooseProbeRows(const ProbeSets& sets, const TargetPresence& presence,
                                          std::vector<std::string>* warnings);

// \error those of Embeddings::Target, CheckSameClasses and ChooseProbeRows; kFailedPrecondition if
// one class is all there is to learn from.
absl::StatusOr<TargetLabels> ReadTargetLabels(const ProbeSets& sets, const std::string& name);

// Keeps the training rows at these ascending positions; the validation rows stay.
void KeepTrainingRows(const std::vector<int64_t>& positions, TargetLabels* labels);

// Fills `features` with those of `rows`, unless they are there already: `of` is what they are of,
// empty at first.
void LoadFeatures(const ProbeRows& rows, ProbeRows* of, ProbeFeatures* features);

// Adds the roles of the embeddings with the most rows that one of the targets uses.
void AddEvaluatedSets(const std::vector<const ProbeRows*>& rows, v1::Evaluation* evaluation);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_EMBEDDINGS_PROBE_SETS_H_
