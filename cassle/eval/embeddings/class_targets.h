// Class targets of one or two embeddings folders: what evaluation stages predict and colour by.
#ifndef CASSLE_EVAL_EMBEDDINGS_CLASS_TARGETS_H_
#define CASSLE_EVAL_EMBEDDINGS_CLASS_TARGETS_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "cassle/eval/embeddings/embeddings.h"

namespace cassle {

// The targets asked for by --target: `label` if none is named, every class target of `embeddings`
// for `all`.
// \error kInvalidArgument if one is named twice; kFailedPrecondition for `all` of none.
absl::StatusOr<std::vector<std::string>> ClassTargetNames(const std::vector<std::string>& asked,
                                                          const Embeddings& embeddings);

// One target of the rows to learn from and of those to test on.
struct LearntTarget {
  std::string name;
  // Numbers where nothing says the names; at least one more than the largest class.
  std::vector<std::string> class_names;
  std::vector<int> train;
  // Equal to train where there is no test set.
  std::vector<int> test;

  int classes() const { return static_cast<int>(class_names.size()); }
  // Test accuracy of always answering the most frequent class of train.
  double ChanceAccuracy() const;
  // A sentence if test has classes that train lacks; empty otherwise.
  std::string MissingClassesWarning() const;
};

// The targets asked for by --target, in that order. test: null where train is tested on itself.
// \error those of ClassTargetNames and Embeddings::Target; kFailedPrecondition if the two name
// other classes, or if all rows of train have one class.
absl::StatusOr<std::vector<LearntTarget>> ReadLearntTargets(const std::vector<std::string>& asked,
                                                            const Embeddings& train,
                                                            const Embeddings* test);

// The target's name as part of a file name: what is no ASCII letter, digit, '-' or '_' becomes '_'.
std::string FileNamePart(const std::string& target);

// A sentence if images are in both; empty otherwise.
std::string SharedImagesWarning(const Embeddings& train, const Embeddings& test);

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
