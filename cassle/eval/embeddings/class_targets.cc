#include "cassle/eval/embeddings/class_targets.h"

#include <algorithm>
#include <set>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/embeddings/label_notes.h"

namespace cassle {
namespace {

std::vector<int64_t> CountClasses(const std::vector<int>& labels, int classes) {
  std::vector<int64_t> counts(classes);
  for (int label : labels) ++counts[label];
  return counts;
}

// Takes the rows that have a class, and says how many have none.
void TakeLabelled(const std::string& flag, const ClassTarget& target, std::vector<int64_t>* rows,
                  std::vector<int>* labels, LearntTarget* joined) {
  for (size_t row = 0; row < target.values.size(); ++row) {
    if (target.values[row] == kNoClass) continue;
    rows->push_back(static_cast<int64_t>(row));
    labels->push_back(target.values[row]);
  }
  const int64_t all = static_cast<int64_t>(target.values.size());
  const std::string left_out = LeftOutSentence(flag, absl::StrCat("class of ", joined->name),
                                               all - static_cast<int64_t>(rows->size()), all);
  if (!left_out.empty()) joined->warnings.push_back(left_out);
}

// leave_one_out: an image is tested by what was learnt of the others.
void DescribeClasses(bool leave_one_out, LearntTarget* joined) {
  std::vector<int64_t> learnt = CountClasses(joined->train, joined->classes());
  if (leave_one_out) {
    for (int64_t& images : learnt) images = std::max<int64_t>(images - 1, 0);
  }
  const std::vector<int64_t> tested = CountClasses(joined->test, joined->classes());
  const std::string unlearnt = UnlearntClassesSentence(joined->class_names, learnt, tested);
  const std::string empty = EmptyClassesSentence(joined->class_names, learnt, tested);
  if (!unlearnt.empty()) joined->warnings.push_back(absl::StrCat(joined->name, ": ", unlearnt));
  if (!empty.empty()) joined->notes.push_back(absl::StrCat(joined->name, ": ", empty));
}

absl::StatusOr<LearntTarget> ReadLearntTarget(const std::string& name, const Embeddings& train,
                                              const Embeddings* test) {
  LearntTarget joined;
  joined.name = name;
  CASSLE_ASSIGN_OR_RETURN(ClassTarget of_train, train.Target(name));
  TakeLabelled("train", of_train, &joined.train_rows, &joined.train, &joined);
  joined.class_names = std::move(of_train.class_names);
  if (test == nullptr) {
    joined.test_rows = joined.train_rows;
    joined.test = joined.train;
  } else {
    CASSLE_ASSIGN_OR_RETURN(const ClassTarget of_test, test->Target(name));
    CASSLE_RETURN_IF_ERROR(
        CheckSameClasses(name, "train", joined.class_names, "test", of_test.class_names));
    TakeLabelled("test", of_test, &joined.test_rows, &joined.test, &joined);
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
  DescribeClasses(/*leave_one_out=*/test == nullptr, &joined);
  return joined;
}

template <class RowsOf>
int64_t MostRows(const std::vector<LearntTarget>& targets, const RowsOf& rows_of) {
  size_t most = 0;
  for (const LearntTarget& target : targets) most = std::max(most, rows_of(target).size());
  return static_cast<int64_t>(most);
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

absl::Status CheckSameClasses(const std::string& target, const std::string& part_a,
                              const std::vector<std::string>& class_names_a,
                              const std::string& part_b,
                              const std::vector<std::string>& class_names_b) {
  if (class_names_a == class_names_b) return absl::OkStatus();
  // The first that differs, where both have names.
  std::string example;
  for (size_t c = 0; c < std::min(class_names_a.size(), class_names_b.size()); ++c) {
    if (class_names_a[c] == class_names_b[c]) continue;
    example = absl::StrCat("; class ", c, " is ", class_names_a[c], " and ", class_names_b[c]);
    break;
  }
  return absl::FailedPreconditionError(
      absl::StrCat("target '", target, "' has other classes in --", part_a, " and --", part_b, " (",
                   class_names_a.size(), " and ", class_names_b.size(), " names", example,
                   "): shard the splits together, so that class numbers mean the same"));
}

ClassCounts LearntTarget::Chance() const {
  const std::vector<int64_t> counts = CountClasses(train, classes());
  const int most = std::max_element(counts.begin(), counts.end()) - counts.begin();
  return CountRight(std::vector<int>(test.size(), most), test, classes());
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

int64_t MostTrainRows(const std::vector<LearntTarget>& targets) {
  return MostRows(
      targets, [](const LearntTarget& target) -> const auto& { return target.train_rows; });
}

int64_t MostTestRows(const std::vector<LearntTarget>& targets) {
  return MostRows(
      targets, [](const LearntTarget& target) -> const auto& { return target.test_rows; });
}

SelectedFeatures::SelectedFeatures(const Embeddings& from, const std::vector<int64_t>& rows)
    : all_(from.features()) {
  if (static_cast<int64_t>(rows.size()) == from.rows()) return;
  copy_.reserve(rows.size() * from.columns());
  for (const int64_t row : rows) {
    const float* values = all_.data() + row * from.columns();
    copy_.insert(copy_.end(), values, values + from.columns());
  }
}

std::string FileNamePart(const std::string& target) {
  std::string part;
  for (const char c : target) {
    if (absl::ascii_isalnum(c) || c == '-' || c == '_') {
      part += c;
    } else {
      absl::StrAppendFormat(&part, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return part;
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
