#include "cassle/eval/on_embeddings/probe_sets.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "cassle/base/file.h"
#include "cassle/base/status_macros.h"
#include "cassle/eval/embeddings/class_targets.h"
#include "cassle/eval/embeddings/equal_images.h"
#include "cassle/eval/embeddings/label_notes.h"
#include "cassle/eval/result/evaluation.h"
#include "cassle/probes/splits/authors_splits.h"
#include "cassle/probes/splits/validation_split.h"

namespace cassle {
namespace {

void CopyFeatures(const Rows& part, int64_t first, PaddedMatrix<float>* to) {
  const int64_t d = part.from->columns();
  for (size_t i = 0; i < part.rows.size(); ++i) {
    const float* from = part.from->features().data() + part.rows[i] * d;
    float* row = to->row(first + i);
    std::copy(from, from + d, row);
    row[d] = 1;
  }
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

bool IsListed(const v1::ProbeInputs& inputs) {
  return !inputs.val_list().empty() || !inputs.authors_split().empty();
}

std::vector<int64_t> RowsThatHave(const std::vector<bool>& has) {
  std::vector<int64_t> rows;
  for (size_t row = 0; row < has.size(); ++row) {
    if (has[row]) rows.push_back(static_cast<int64_t>(row));
  }
  return rows;
}

// All crops of an image are on one side. What is listed counts all images of the data set; a part
// that is drawn, those that have the target.
absl::Status SetAside(const v1::ProbeInputs& inputs, const Embeddings& train,
                      const std::vector<bool>& has, ProbeRows* rows) {
  std::vector<int64_t> images;
  absl::flat_hash_map<int64_t, std::vector<int64_t>> rows_of;
  for (int64_t row = 0; row < train.rows(); ++row) {
    if (!has[row] && !IsListed(inputs)) continue;
    const auto [of_image, fresh] = rows_of.try_emplace(train.ids()[row]);
    if (fresh) images.push_back(train.ids()[row]);
    if (has[row]) of_image->second.push_back(row);
  }
  CASSLE_ASSIGN_OR_RETURN(const ValidationSplit split, SplitImages(inputs, images));
  for (const auto& [from, to] :
       {std::pair(&split.train, &rows->train.rows), {&split.val, &rows->val.rows}}) {
    for (const int64_t image : *from) {
      const std::vector<int64_t>& of_image = rows_of[images[image]];
      to->insert(to->end(), of_image.begin(), of_image.end());
    }
  }
  return absl::OkStatus();
}

// The classes that one part has of a target.
struct PartLabels {
  std::vector<std::string> class_names;
  std::vector<int> values;
  std::vector<bool> has;
};

absl::StatusOr<PartLabels> ReadPart(const Embeddings& from, const std::string& name) {
  CASSLE_ASSIGN_OR_RETURN(ClassTarget target, from.Target(name));
  PartLabels part{std::move(target.class_names), std::move(target.values), {}};
  for (const int value : part.values) part.has.push_back(value != kNoClass);
  return part;
}

void AppendLabels(const Rows& rows, const PartLabels& part, std::vector<int>* labels) {
  for (const int64_t row : rows.rows) labels->push_back(part.values[row]);
}

bool SameRows(const ProbeRows& a, const ProbeRows& b) {
  return a.train.rows == b.train.rows && a.val.rows == b.val.rows && a.test.rows == b.test.rows;
}

}  // namespace

absl::StatusOr<ProbeSets> OpenProbeSets(const v1::ProbeInputs& inputs) {
  ProbeSets sets;
  sets.inputs = inputs;
  CASSLE_ASSIGN_OR_RETURN(sets.train, Embeddings::Open("train", inputs.train()));
  CASSLE_ASSIGN_OR_RETURN(sets.test, Embeddings::Open("test", inputs.test()));
  CASSLE_RETURN_IF_ERROR(CheckComparable("train", *sets.train, "test", *sets.test));
  CASSLE_RETURN_IF_ERROR(RequireOneRowPerImage("test", *sets.test));
  if (!inputs.val().empty()) {
    CASSLE_ASSIGN_OR_RETURN(sets.val, Embeddings::Open("val", inputs.val()));
    CASSLE_RETURN_IF_ERROR(CheckComparable("train", *sets.train, "val", *sets.val));
  }
  return sets;
}

absl::StatusOr<std::vector<std::string>> ProbeImageWarnings(
    const ProbeSets& sets, const std::vector<std::string>& targets,
    const std::vector<const ProbeRows*>& rows) {
  CASSLE_ASSIGN_OR_RETURN(std::vector<std::string> warnings,
                          EqualImageWarnings(*sets.train, &*sets.test, targets));
  const auto add = [&](std::string warning) {
    if (!warning.empty()) warnings.push_back(std::move(warning));
  };
  if (sets.val.has_value()) {
    CASSLE_ASSIGN_OR_RETURN(std::string in_val,
                            SharedImagesWarning("test", *sets.test, "val", *sets.val));
    // What chooses should not know the answers.
    CASSLE_ASSIGN_OR_RETURN(std::string in_train,
                            SharedImagesWarning("val", *sets.val, "train", *sets.train));
    add(std::move(in_val));
    add(std::move(in_train));
  } else {
    // Targets that all images have share their rows.
    std::set<std::string> said;
    for (const ProbeRows* of_target : rows) {
      CASSLE_ASSIGN_OR_RETURN(
          const std::string copies,
          HeldOutCopiesWarning(*sets.train, of_target->train.rows, of_target->val.rows));
      if (said.insert(copies).second) add(copies);
    }
  }
  add(CollapsedSentence(*sets.train));
  return warnings;
}

absl::StatusOr<ProbeRows> ChooseProbeRows(const ProbeSets& sets, const TargetPresence& presence,
                                          std::vector<std::string>* warnings) {
  ProbeRows rows;
  rows.train.from = &*sets.train;
  rows.val.from = &sets.validating();
  rows.test = {&*sets.test, RowsThatHave(presence.test)};
  if (sets.val.has_value()) {
    rows.train.rows = RowsThatHave(presence.train);
    rows.val.rows = RowsThatHave(presence.val);
  } else {
    CASSLE_RETURN_IF_ERROR(SetAside(sets.inputs, *sets.train, presence.train, &rows));
  }
  if (rows.train.rows.empty() || rows.val.rows.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "no row ", rows.train.rows.empty() ? "to learn from" : "of the validation part", " has a ",
        presence.what, ": name other images as validation part"));
  }
  for (const auto& [flag, has] : {std::pair("train", &presence.train),
                                  {"val", sets.val.has_value() ? &presence.val : nullptr},
                                  {"test", &presence.test}}) {
    if (has == nullptr) continue;
    const std::string sentence =
        LeftOutSentence(flag, presence.what, std::count(has->begin(), has->end(), false),
                        static_cast<int64_t>(has->size()));
    if (!sentence.empty()) warnings->push_back(sentence);
  }
  return rows;
}

absl::StatusOr<TargetLabels> ReadTargetLabels(const ProbeSets& sets, const std::string& name) {
  TargetLabels labels;
  labels.name = name;
  CASSLE_ASSIGN_OR_RETURN(const PartLabels train, ReadPart(*sets.train, name));
  CASSLE_ASSIGN_OR_RETURN(const PartLabels val, ReadPart(sets.validating(), name));
  CASSLE_ASSIGN_OR_RETURN(const PartLabels test, ReadPart(*sets.test, name));
  for (const auto& [flag, part] : {std::pair("val", &val), {"test", &test}}) {
    CASSLE_RETURN_IF_ERROR(
        CheckSameClasses(name, "train", train.class_names, flag, part->class_names));
  }
  labels.class_names = train.class_names;
  CASSLE_ASSIGN_OR_RETURN(
      labels.rows,
      ChooseProbeRows(sets, {absl::StrCat("class of ", name), train.has, val.has, test.has},
                      &labels.warnings));
  AppendLabels(labels.rows.train, train, &labels.learn);
  const std::set<int> trained(labels.learn.begin(), labels.learn.end());
  if (trained.size() < 2) {
    const int only = *trained.begin();
    return absl::FailedPreconditionError(absl::StrCat(
        "target '", name, "': every row to learn from has class ", only,
        train.class_names.empty() ? "" : absl::StrCat(" (", train.class_names[only], ")"),
        "; a classifier needs two classes or more: embed images of more, or set fewer aside for "
        "validation"));
  }
  AppendLabels(labels.rows.val, val, &labels.learn);
  AppendLabels(labels.rows.test, test, &labels.test);
  if (labels.class_names.empty()) {
    const int largest = std::max(*std::max_element(labels.learn.begin(), labels.learn.end()),
                                 *std::max_element(labels.test.begin(), labels.test.end()));
    for (int c = 0; c <= largest; ++c) labels.class_names.push_back(absl::StrCat(c));
  }
  return labels;
}

void KeepTrainingRows(const std::vector<int64_t>& positions, TargetLabels* labels) {
  const int64_t before = static_cast<int64_t>(labels->rows.train.rows.size());
  std::vector<int64_t> rows;
  std::vector<int> learn;
  for (const int64_t position : positions) {
    rows.push_back(labels->rows.train.rows[position]);
    learn.push_back(labels->learn[position]);
  }
  learn.insert(learn.end(), labels->learn.begin() + before, labels->learn.end());
  labels->rows.train.rows = std::move(rows);
  labels->learn = std::move(learn);
}

void LoadFeatures(const ProbeRows& rows, ProbeRows* of, ProbeFeatures* features) {
  if (of->train.from != nullptr && SameRows(*of, rows)) return;
  *of = rows;
  const int64_t columns = rows.train.from->columns() + 1;
  const int64_t train_rows = static_cast<int64_t>(rows.train.rows.size());
  // The old ones go first: both may not fit into memory.
  *features = {};
  features->learn =
      PaddedMatrix<float>(train_rows + static_cast<int64_t>(rows.val.rows.size()), columns);
  CopyFeatures(rows.train, 0, &features->learn);
  CopyFeatures(rows.val, train_rows, &features->learn);
  features->test = PaddedMatrix<float>(static_cast<int64_t>(rows.test.rows.size()), columns);
  CopyFeatures(rows.test, 0, &features->test);
}

void AddEvaluatedSets(const std::vector<const ProbeRows*>& rows, v1::Evaluation* evaluation) {
  for (const auto& [role, part] : {std::pair("train", &ProbeRows::train),
                                   {"val", &ProbeRows::val},
                                   {"test", &ProbeRows::test}}) {
    size_t most = 0;
    for (const ProbeRows* of_target : rows) most = std::max(most, (of_target->*part).rows.size());
    AddEvaluatedSet(role, *(rows.front()->*part).from, static_cast<int64_t>(most), evaluation);
  }
}

}  // namespace cassle
