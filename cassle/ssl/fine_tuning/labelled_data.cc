#include "cassle/ssl/fine_tuning/labelled_data.h"

#include <algorithm>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "cassle/base/philox.h"
#include "cassle/base/status_macros.h"
#include "cassle/data/records/class_target.h"
#include "cassle/probes/splits/few_labels.h"

namespace cassle {
namespace {

// Of every class, where there is no validation split.
constexpr double kHeldOut = 0.1;
// Apart from the draw of few labels.
constexpr uint64_t kHoldingOut = 1;

absl::StatusOr<LabelledSplit> OpenSplit(absl::string_view flag, const std::string& folder,
                                        const std::string& split, const std::string& target,
                                        int classes) {
  LabelledSplit opened;
  CASSLE_ASSIGN_OR_RETURN(opened.images, Dataset::Open(folder, split, flag));
  for (int64_t i = 0; i < opened.images->size(); ++i) {
    v1::ImageRecord record;
    CASSLE_RETURN_IF_ERROR(opened.images->Read(i, &record));
    const int64_t label = ClassOf(record, target);
    if (label >= classes) {
      return absl::DataLossError(
          absl::StrCat("image ", record.id(), " (", record.key(), ") of split '",
                       opened.images->split().name(), "' has class ", label, " of target '", target,
                       "', which has ", classes, ": encode the data set again"));
    }
    opened.labels.push_back(static_cast<int>(label));
    if (label >= 0) opened.labelled.push_back(i);
  }
  if (opened.labelled.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(
        "--", flag, ": no image of split '", opened.images->split().name(),
        "' has a class of target '", target, "': choose a labelled split, or another --target"));
  }
  return opened;
}

// "1 of 4 images of split 'train' have no class of label and are left out".
void NoteUnlabelled(const LabelledSplit& split, const std::string& target, StageContext* context) {
  const size_t missing = split.labels.size() - split.labelled.size();
  if (missing == 0) return;
  context->NoteWarning(absl::StrCat(missing, " of ", split.labels.size(), " images of split '",
                                    split.images->split().name(), "' have no class of ", target,
                                    " and are left out"));
}

// Takes a part of the images to learn from, of every class that has two, for validation.
absl::Status HoldOut(uint64_t seed, LabelledData* data, StageContext* context) {
  std::vector<int64_t>& subset = data->subset;
  std::vector<int> labels = data->train.LabelsOf(subset);
  std::vector<int64_t> of_class(data->classes);
  for (int label : labels) ++of_class[label];
  for (int& label : labels) {
    if (of_class[label] < 2) label = -1;
  }
  const auto places =
      ChooseFewLabels(labels, {.fraction = kHeldOut, .seed = MixSeed(seed, kHoldingOut)});
  if (!places.ok()) {
    return absl::FailedPreconditionError(
        "--monitor.every_epochs: no class has a second image that could be held out; learn from "
        "more labels, or name a labelled split by --monitor.split");
  }
  const std::set<int64_t> held_out(places->begin(), places->end());
  std::vector<int64_t> learnt;
  for (size_t place = 0; place < subset.size(); ++place) {
    (held_out.count(static_cast<int64_t>(place)) > 0 ? data->validated : learnt)
        .push_back(subset[place]);
  }
  context->Note(absl::StrCat(data->validated.size(), " of ", subset.size(), " images of split '",
                             data->train.images->split().name(),
                             "' are held out for validation (a tenth of every class) and not "
                             "learnt from"));
  subset = std::move(learnt);
  data->validation = data->train;
  return absl::OkStatus();
}

absl::Status OpenValidation(const v1::FineTuneOptions& options, LabelledData* data,
                            StageContext* context) {
  const std::string& split = options.monitor().split();
  if (split.empty()) return HoldOut(options.seed(), data, context);
  if (split == data->test.images->split().name()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "--monitor.split=", split,
        ": the test split is for the end; name another, or none: then images are held out"));
  }
  if (split == data->train.images->split().name()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--monitor.split=", split,
                     " is the split that is learnt from; name another, or none: then a tenth of it "
                     "is held out"));
  }
  CASSLE_ASSIGN_OR_RETURN(data->validation, OpenSplit("monitor.split", options.input(), split,
                                                      data->target, data->classes));
  data->validated = data->validation.labelled;
  NoteUnlabelled(data->validation, data->target, context);
  return absl::OkStatus();
}

}  // namespace

std::vector<int> LabelledSplit::LabelsOf(const std::vector<int64_t>& rows) const {
  std::vector<int> chosen;
  for (const int64_t row : rows) chosen.push_back(labels[row]);
  return chosen;
}

absl::StatusOr<LabelledData> OpenLabelledData(const v1::FineTuneOptions& options,
                                              StageContext* context) {
  LabelledData data;
  data.target = options.target().empty() ? "label" : options.target();
  CASSLE_ASSIGN_OR_RETURN(const auto any, Dataset::Open(options.input(), options.split()));
  auto classes = ClassNames(any->info(), data.target);
  if (!classes.ok()) {
    return Annotate(classes.status(), absl::StrCat("--target=", data.target));
  }
  if (classes->empty()) {
    return absl::FailedPreconditionError(
        absl::StrCat(options.input(), " has no labels: fine-tuning learns from them"));
  }
  data.class_names = *std::move(classes);
  data.classes = static_cast<int>(data.class_names.size());
  CASSLE_ASSIGN_OR_RETURN(
      data.train, OpenSplit("split", options.input(), options.split(), data.target, data.classes));
  CASSLE_ASSIGN_OR_RETURN(data.test, OpenSplit("test_split", options.input(), options.test_split(),
                                               data.target, data.classes));
  if (data.test.images->split().name() == data.train.images->split().name()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--test_split=", options.test_split(), " is the split that is learnt from"));
  }
  auto subset = ChooseFewLabels(data.train.labels, {.fraction = options.label_fraction(),
                                                    .per_class = options.labels_per_class(),
                                                    .seed = options.seed(),
                                                    .class_names = data.class_names});
  if (!subset.ok()) {
    return Annotate(subset.status(),
                    options.labels_per_class() > 0 ? "--labels_per_class" : "--label_fraction");
  }
  data.subset = *std::move(subset);
  NoteUnlabelled(data.train, data.target, context);
  NoteUnlabelled(data.test, data.target, context);
  if (options.monitor().every_epochs() > 0) {
    CASSLE_RETURN_IF_ERROR(OpenValidation(options, &data, context));
  }
  const std::vector<int> labels = data.train.LabelsOf(data.subset);
  const std::set<int> learnt(labels.begin(), labels.end());
  if (learnt.size() < 2) {
    return absl::FailedPreconditionError(
        absl::StrCat("target '", data.target, "': every image to learn from has class ",
                     *learnt.begin(), "; a classifier needs two classes or more"));
  }
  return data;
}

}  // namespace cassle
