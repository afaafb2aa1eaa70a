// Class targets of one or two embeddings folders: what evaluation stages predict and colour by.
#ifndef CASSLE_EVAL_EMBEDDINGS_CLASS_TARGETS_H_
#define CASSLE_EVAL_EMBEDDINGS_CLASS_TARGETS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "cassle/eval/embeddings/embeddings.h"
#include "cassle/probes/accuracy.h"

namespace cassle {

// The targets asked for by --target: `label` if none is named, every class target of `embeddings`
// for `all`.
// \error kInvalidArgument if one is named twice; kFailedPrecondition for `all` of none.
absl::StatusOr<std::vector<std::string>> ClassTargetNames(const std::vector<std::string>& asked,
                                                          const Embeddings& embeddings);

// OK if both parts call the classes of a target the same, or both by numbers.
//   part_a, part_b  options that name the parts: "train", "test".
// \error kFailedPrecondition naming target and parts.
absl::Status CheckSameClasses(const std::string& target, const std::string& part_a,
                              const std::vector<std::string>& class_names_a,
                              const std::string& part_b,
                              const std::vector<std::string>& class_names_b);

// One target of the rows to learn from and of those to test on. Rows without a class are left out.
struct LearntTarget {
  std::string name;
  // Numbers where nothing says the names; at least one more than the largest class.
  std::vector<std::string> class_names;
  // Rows of the embeddings that have a class, ascending. test_rows: equal to train_rows where there
  // is no test set.
  std::vector<int64_t> train_rows, test_rows;
  // The class of each of them.
  std::vector<int> train, test;
  // Sentences: rows that are left out, classes that were not learnt; without a test set also those
  // of one image, which can only be tested.
  std::vector<std::string> warnings;
  // The same of what changes no number: classes without images.
  std::vector<std::string> notes;

  int classes() const { return static_cast<int>(class_names.size()); }
  // Of always answering the most frequent class of train.
  ClassCounts Chance() const;
  bool HasRowsOf(const LearntTarget& other) const {
    return train_rows == other.train_rows && test_rows == other.test_rows;
  }
};

// The targets asked for by --target, in that order. test: null where train is tested on itself.
// \error those of ClassTargetNames and Embeddings::Target; kFailedPrecondition if the two name
// other classes, or if all rows of train that have a class have the same.
absl::StatusOr<std::vector<LearntTarget>> ReadLearntTargets(const std::vector<std::string>& asked,
                                                            const Embeddings& train,
                                                            const Embeddings* test);

// The most rows that one of the targets uses, to learn from and to test on.
int64_t MostTrainRows(const std::vector<LearntTarget>& targets);
int64_t MostTestRows(const std::vector<LearntTarget>& targets);

// The features of some rows; those of all rows are not copied. Points into `from`.
class SelectedFeatures {
 public:
  SelectedFeatures(const Embeddings& from, const std::vector<int64_t>& rows);
  // [rows, from.columns()], row-major.
  absl::Span<const float> values() const { return copy_.empty() ? all_ : copy_; }

 private:
  absl::Span<const float> all_;
  std::vector<float> copy_;
};

// The target's name as part of a file name, another one for every name: a byte that is no ASCII
// letter, digit, '-' or '_' becomes '%' and its two hexadecimal digits.
std::string FileNamePart(const std::string& target);

// Train embeddings and, unless `test` is empty, comparable test embeddings.
struct TrainAndTest {
  std::optional<Embeddings> train, test;

  // train where there is no test set.
  const Embeddings& tested() const { return test.has_value() ? *test : *train; }
  const Embeddings* test_or_null() const { return test.has_value() ? &*test : nullptr; }
};

// \error kInvalidArgument if --train is missing; those of Embeddings::Open and CheckComparable.
absl::StatusOr<TrainAndTest> OpenTrainAndTest(const std::string& train, const std::string& test);

}  // namespace cassle

#endif  // CASSLE_EVAL_EMBEDDINGS_CLASS_TARGETS_H_
