#include "cassle/eval/embeddings/class_targets.h"

#include <algorithm>
#include <set>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/base/status_macros.h"

namespace cassle {
namespace {

std::vector<int64_t> CountClasses(const std::vector<int>& labels, int classes) {
  std::vector<int64_t> counts(classes);
  for (int label : labels) ++counts[label];
  return counts;
}

absl::StatusOr<LearntTarget> ReadLearntTarget(const std::string& name, const Embeddings& train,
                                              const Embeddings* test) {
  LearntTarget joined;
  joined.name = name;
  CASSLE_ASSIGN_OR_RETURN(ClassTarget of_train, train.Target(name));
  joined.train = std::move(of_train.values);
  joined.class_names = std::move(of_train.class_names);
  if (test == nullptr) {
    joined.test = joined.train;
  } else {
    CASSLE_ASSIGN_OR_RETURN(ClassTarget of_test, test->Target(name));
    if (joined.class_names != of_test.class_names) {
      return absl::FailedPreconditionError(
          absl::StrCat("target '", name, "' has other classes in --train and --test (",
                       joined.class_names.size(), " and ", of_test.class_names.size(),
                       " names): shard the splits together, so that class numbers mean the same"));
    }
    joined.test = std::move(of_test.values);
  }
  if (joined.class_names.empty()) {
    const int largest = std::max(*std::max_element(joined.train.begin(), joined.train.end()),
                                 *std::max_element(joined.test.begin(), joined.test.end()));
    for (int c = 0; c <= largest; ++c) joined.class_names.push_back(absl::StrCat(c));
  }
  const int first = joined.train.front();
  if (std::all_of(joined.train.begin(), joined.train.end(), [&](int c) { return c == first; })) {
    return absl::FailedPreconditionError(
        absl::StrCat("target '", name, "': every row of --train has class ", first, " (",
                     joined.class_names[first], "); a classifier needs two classes or more"));
  }
  return joined;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ClassTargetNames(const std::vector<std::string>& asked,
                                                          const Embeddings& embeddings) {
  if (asked.empty()) return std::vector<std::string>{kLabelTarget};
  if (asked == std::vector<std::string>{"all"}) {
    std::vector<std::string> names = embeddings.ClassTargets();
    if (names.empty()) {
      return absl::FailedPreconditionError(
          "the embeddings have no class target: embed a labelled split");
    }
    return names;
  }
  if (std::set<std::string>(asked.begin(), asked.end()).size() != asked.size()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--target=", absl::StrJoin(asked, ","), " names a target twice"));
  }
  return asked;
}

double LearntTarget::ChanceAccuracy() const {
  const std::vector<int64_t> counts = CountClasses(train, classes());
  const int most = std::max_element(counts.begin(), counts.end()) - counts.begin();
  return static_cast<double>(std::count(test.begin(), test.end(), most)) / test.size();
}

std::string LearntTarget::MissingClassesWarning() const {
  const std::vector<int64_t> learnt = CountClasses(train, classes());
  const std::vector<int64_t> tested = CountClasses(test, classes());
  std::vector<std::string> missing;
  for (int c = 0; c < classes(); ++c) {
    if (learnt[c] == 0 && tested[c] > 0) missing.push_back(class_names[c]);
  }
  if (missing.empty()) return "";
  return absl::StrCat(name, ": classes of the test set that --train has no image of: ",
                      absl::StrJoin(missing, ", "));
}

absl::StatusOr<std::vector<LearntTarget>> ReadLearntTargets(const std::vector<std::string>& asked,
                                                            const Embeddings& train,
                                                            const Embeddings* test) {
  CASSLE_ASSIGN_OR_RETURN(const std::vector<std::string> names, ClassTargetNames(asked, train));
  std::vector<LearntTarget> targets;
  for (const std::string& name : names) {
    CASSLE_ASSIGN_OR_RETURN(LearntTarget target, ReadLearntTarget(name, train, test));
    targets.push_back(std::move(target));
  }
  return targets;
}

std::string FileNamePart(const std::string& target) {
  std::string part = target;
  for (char& c : part) {
    if (!absl::ascii_isalnum(c) && c != '-') c = '_';
  }
  return part;
}

std::string SharedImagesWarning(const Embeddings& train, const Embeddings& test) {
  if (train.Metadata("dataset_fingerprint") != test.Metadata("dataset_fingerprint")) return "";
  const absl::flat_hash_set<int64_t> ids(train.ids().begin(), train.ids().end());
  const int64_t shared = std::count_if(test.ids().begin(), test.ids().end(),
                                       [&](int64_t id) { return ids.contains(id); });
  if (shared == 0) return "";
  return absl::StrCat("images of the test set that are also in the train embeddings: ", shared);
}

absl::StatusOr<TrainAndTest> OpenTrainAndTest(const std::string& train, const std::string& test) {
  if (train.empty()) {
    return absl::InvalidArgumentError("--train is missing: name an output folder of embed");
  }
  TrainAndTest sets;
  CASSLE_ASSIGN_OR_RETURN(sets.train, Embeddings::Open("train", train));
  if (!test.empty()) {
    CASSLE_ASSIGN_OR_RETURN(sets.test, Embeddings::Open("test", test));
    CASSLE_RETURN_IF_ERROR(CheckComparable("train", *sets.train, "test", *sets.test));
  }
  CASSLE_RETURN_IF_ERROR(RequireOneRowPerImage(test.empty() ? "train" : "test", sets.tested()));
  return sets;
}

}  // namespace cassle
