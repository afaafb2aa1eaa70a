// The labelled images of fine-tuning: which are learnt from, validated and tested on.
#ifndef CASSLE_SSL_FINE_TUNING_LABELLED_DATA_H_
#define CASSLE_SSL_FINE_TUNING_LABELLED_DATA_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/records/dataset.h"
#include "cassle/ssl/fine_tune_options.pb.h"
#include "cassle/stage/stage.h"

namespace cassle {

// A split with the class of every image, -1 of those that have none.
struct LabelledSplit {
  std::shared_ptr<const Dataset> images;
  std::vector<int> labels;
  // Images that have a class.
  std::vector<int64_t> labelled;

  // Those of `rows`.
  std::vector<int> LabelsOf(const std::vector<int64_t>& rows) const;
};

struct LabelledData {
  // "label", or the name of a class target.
  std::string target;
  std::vector<std::string> class_names;
  int classes = 0;
  LabelledSplit train, test;
  // Images of train that are learnt from.
  std::vector<int64_t> subset;
  // With --monitor.every_epochs: where to validate, a split of its own or `train`, and its images;
  // those of `train` are not in `subset`.
  LabelledSplit validation;
  std::vector<int64_t> validated;
};

// Notes what is left out or held out.
// \error kInvalidArgument naming the option that does not fit the data or another option;
// kFailedPrecondition for labels that are missing or too few; kDataLoss for damage.
absl::StatusOr<LabelledData> OpenLabelledData(const v1::FineTuneOptions& options,
                                              StageContext* context);

}  // namespace cassle

#endif  // CASSLE_SSL_FINE_TUNING_LABELLED_DATA_H_
