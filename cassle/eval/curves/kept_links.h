// Reads plans and kept links (kept_links.proto).
#ifndef CASSLE_EVAL_CURVES_KEPT_LINKS_H_
#define CASSLE_EVAL_CURVES_KEPT_LINKS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/eval/curves/kept_links.pb.h"

namespace cassle {

// \error kNotFound if the file cannot be read; kDataLoss naming it and what is wrong: no JSON of a
// plan, no epochs, seeds, columns or rows, or some that repeat or descend, a row's seeds that are
// none of the plan's, a baseline that is no row.
absl::StatusOr<v1::TrainingPlan> ReadTrainingPlan(const std::string& path);

// \error kNotFound if the file cannot be read; kDataLoss naming it and what is wrong: no JSON of a
// kept link, right answers that do not fit their number, a negative cost.
absl::StatusOr<v1::KeptLink> ReadKeptLink(const std::string& path);

// Every file of `paths`.
// \error kDataLoss also naming two files: of one link, of links that were trained with other flags
// than the plan's, or that were tested on different images in one column; or a file with a row,
// seed or length that is not planned or not that of its name, or without one of the columns.
absl::StatusOr<std::vector<v1::KeptLink>> ReadKeptLinks(const v1::TrainingPlan& plan,
                                                        const std::vector<std::string>& paths);

// 1 for every image that was classified right. `probe` is one of a link that was read.
std::vector<int8_t> RightAnswers(const v1::KeptProbe& probe);

// The seeds that are planned of a row.
const google::protobuf::RepeatedField<int32_t>& SeedsOf(const v1::TrainingPlan& plan,
                                                        const v1::PlannedRow& row);

// The link of a row, seed and length; null: not there.
const v1::KeptLink* FindLink(const std::vector<v1::KeptLink>& links, const std::string& row,
                             int seed, int epochs);

// Its probe of a column that the plan has.
const v1::KeptProbe& ProbeOf(const v1::KeptLink& link, const std::string& column);

}  // namespace cassle

#endif  // CASSLE_EVAL_CURVES_KEPT_LINKS_H_
