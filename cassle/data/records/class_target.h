// Class targets of a data set: the label, and further named targets that are classes (the shape or
// the hue of a drawn figure).
#ifndef CASSLE_DATA_RECORDS_CLASS_TARGET_H_
#define CASSLE_DATA_RECORDS_CLASS_TARGET_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/data/records/dataset.pb.h"
#include "cassle/data/records/image_record.pb.h"

namespace cassle {

// Whether `target` means the label of an image: "label", or nothing.
inline bool IsLabel(const std::string& target) { return target.empty() || target == "label"; }

// How many classes `target` has; 0 if it is the label and the images have none. Each has a name.
// \error kInvalidArgument for a target that does not exist or is no class; the message lists those
// that are.
absl::StatusOr<int64_t> NumClasses(const v1::DatasetInfo& info, const std::string& target);

// Their names.
// \error as NumClasses.
absl::StatusOr<std::vector<std::string>> ClassNames(const v1::DatasetInfo& info,
                                                    const std::string& target);

// The class of an image, from 0; -1 if it has none. O(targets).
int64_t ClassOf(const v1::ImageRecord& record, const std::string& target);

}  // namespace cassle

#endif  // CASSLE_DATA_RECORDS_CLASS_TARGET_H_
