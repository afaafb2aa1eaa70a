#include "cassle/eval/on_embeddings/probe_sets.h"

#include <algorithm>
#include <numeric>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/probes/splits/authors_splits.h"
#include "cassle/probes/splits/validation_split.h"

namespace cassle {
namespace {

std::vector<int64_t> AllRows(const Embeddings& embeddings) {
  std::vector<int64_t> rows(embeddings.rows());
  std::iota(rows.begin(), rows.end(), int64_t{0});
  return rows;
}

void CopyFeatures(const Rows& part, int64_t first, PaddedMatrix<float>* to) {
  const int64_t d = part.from->columns();
  for (size_t i = 0; i < part.rows.size(); ++i) {
    const float* from = part.from->features().data() + part.rows[i] * d;
    float* row = to->row(first + i);
    std::copy(from, from + d, row);
    row[d] = 1;
  }
}

void FillLearnFeatures(ProbeSets* sets) {
  const int64_t columns = sets->train->columns() + 1;
  const int64_t train_rows = sets->learn_train.rows.size();
  sets->learn_features = PaddedMatrix<float>(train_rows + sets->learn_val.rows.size(), columns);
  CopyFeatures(sets->learn_train, 0, &sets->learn_features);
  CopyFeatures(sets->learn_val, train_rows, &sets->learn_features);
}

// Of images, each of which may have several rows.
absl::StatusOr<ValidationSplit> SplitImages(const v1::ProbeInputs& inputs,
                                            const std::vector<int64_t>& ids) {
  const int64_t images = ids.size();
  if (!inputs.val_list().empty()) {
    CASSLE_ASSIGN_OR_RETURN(const std::string list, ReadFile(inputs.val_list()));
    return SplitByList(ids, list, inputs.val_list());
  }
  if (!inputs.authors_split().empty()) {
    CASSLE_ASSIGN_OR_RETURN(const AuthorsSplit split,
                            FindAuthorsSplit(inputs.authors_split(), images));
    return SplitAsTorch(split.rows, split.val_rows, split.seed);
  }
  return SplitByFraction(images, inputs.val_fraction(), inputs.split_seed());
}

// All crops of an image are on one side.
absl::StatusOr<ValidationSplit> SetAside(const v1::ProbeInputs& inputs, const Embeddings& train) {
  std::vector<int64_t> images;
  absl::flat_hash_map<int64_t, std::vector<int64_t>> rows_of;
  for (int64_t row = 0; row < train.rows(); ++row) {
    std::vector<int64_t>& rows = rows_of[train.ids()[row]];
    if (rows.empty()) images.push_back(train.ids()[row]);
    rows.push_back(row);
  }
  CASSLE_ASSIGN_OR_RETURN(const ValidationSplit split, SplitImages(inputs, images));
  ValidationSplit rows;
  for (const auto& [from, to] : {std::pair(&split.train, &rows.train), {&split.val, &rows.val}}) {
    for (const int64_t image : *from) {
      const std::vector<int64_t>& of_image = rows_of[images[image]];
      to->insert(to->end(), of_image.begin(), of_image.end());
    }
  }
  return rows;
}

absl::Status AppendLabels(const Rows& part, const std::string& name,
                          std::vector<std::string>* class_names, std::vector<int>* labels) {
  CASSLE_ASSIGN_OR_RETURN(const ClassTarget target, part.from->Target(name));
  if (class_names->empty()) *class_names = target.class_names;
  if (!target.class_names.empty() && target.class_names != *class_names) {
    return absl::FailedPreconditionError(
        absl::StrCat("target '", name, "' has other classes in one of --train, --val and --test (",
                     class_names->size(), " and ", target.class_names.size(),
                     " names): shard the splits together, so that class numbers mean the same"));
  }
  for (int64_t row : part.rows) labels->push_back(target.values[row]);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<ProbeSets>> OpenProbeSets(const v1::ProbeInputs& inputs) {
  auto sets = std::make_unique<ProbeSets>();
  CASSLE_ASSIGN_OR_RETURN(sets->train, Embeddings::Open("train", inputs.train()));
  CASSLE_ASSIGN_OR_RETURN(sets->test, Embeddings::Open("test", inputs.test()));
  CASSLE_RETURN_IF_ERROR(CheckComparable("train", *sets->train, "test", *sets->test));
  CASSLE_RETURN_IF_ERROR(RequireOneRowPerImage("test", *sets->test));
  sets->tested = {&*sets->test, AllRows(*sets->test)};
  if (!inputs.val().empty()) {
    CASSLE_ASSIGN_OR_RETURN(sets->val, Embeddings::Open("val", inputs.val()));
    CASSLE_RETURN_IF_ERROR(CheckComparable("train", *sets->train, "val", *sets->val));
    sets->learn_train = {&*sets->train, AllRows(*sets->train)};
    sets->learn_val = {&*sets->val, AllRows(*sets->val)};
  } else {
    CASSLE_ASSIGN_OR_RETURN(ValidationSplit split, SetAside(inputs, *sets->train));
    sets->learn_train = {&*sets->train, std::move(split.train)};
    sets->learn_val = {&*sets->train, std::move(split.val)};
  }
  FillLearnFeatures(sets.get());
  sets->test_features = PaddedMatrix<float>(sets->test->rows(), sets->train->columns() + 1);
  CopyFeatures(sets->tested, 0, &sets->test_features);
  return sets;
}

absl::StatusOr<TargetLabels> ReadTargetLabels(const ProbeSets& sets, const std::string& name) {
  TargetLabels labels;
  CASSLE_RETURN_IF_ERROR(AppendLabels(sets.learn_train, name, &labels.class_names, &labels.learn));
  const std::set<int> trained(labels.learn.begin(), labels.learn.end());
  if (trained.size() < 2) {
    return absl::FailedPreconditionError(
        absl::StrCat("target '", name, "': every row to learn from has class ", *trained.begin(),
                     "; a classifier needs two classes or more"));
  }
  CASSLE_RETURN_IF_ERROR(AppendLabels(sets.learn_val, name, &labels.class_names, &labels.learn));
  CASSLE_RETURN_IF_ERROR(AppendLabels(sets.tested, name, &labels.class_names, &labels.test));
  if (labels.class_names.empty()) {
    const int largest = std::max(*std::max_element(labels.learn.begin(), labels.learn.end()),
                                 *std::max_element(labels.test.begin(), labels.test.end()));
    for (int c = 0; c <= largest; ++c) labels.class_names.push_back(absl::StrCat(c));
  }
  return labels;
}

void KeepTrainingRows(const std::vector<int64_t>& positions, ProbeSets* sets) {
  std::vector<int64_t> kept;
  for (int64_t position : positions) kept.push_back(sets->learn_train.rows[position]);
  sets->learn_train.rows = std::move(kept);
  FillLearnFeatures(sets);
}

void KeepLabels(const std::vector<int64_t>& positions, int64_t train_rows, TargetLabels* labels) {
  std::vector<int> kept;
  for (int64_t position : positions) kept.push_back(labels->learn[position]);
  kept.insert(kept.end(), labels->learn.begin() + train_rows, labels->learn.end());
  labels->learn = std::move(kept);
}

}  // namespace cassle
