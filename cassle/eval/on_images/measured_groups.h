// Descriptor groups of which a stage measures something, value by value.
#ifndef CASSLE_EVAL_ON_IMAGES_MEASURED_GROUPS_H_
#define CASSLE_EVAL_ON_IMAGES_MEASURED_GROUPS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "cassle/augment/operations/policy.pb.h"
#include "cassle/augment/views/descriptor.h"

namespace cassle {

// The layout of --groups; of none: of all that the policy has.
// \error as DescriptorLayout::Create, naming --groups.
absl::StatusOr<DescriptorLayout> LayoutOf(std::vector<std::string> groups,
                                          const v1::Policy& policy);

// A group, and where its values stand in a descriptor.
struct MeasuredGroup {
  std::string name;
  int64_t first = 0;
  int64_t size = 0;
};
std::vector<MeasuredGroup> GroupsOf(const DescriptorLayout& layout);

// The mean over the values of the group that are numbers; not a number if none is.
//   values  of a whole descriptor.
double GroupMean(const std::vector<double>& values, const MeasuredGroup& group);

// "flip is the same in all views of the test images: no R2", of some of its values "2 of the 4
// values of color are the same ..."; empty if all values of the group are numbers.
//   measure  "R2".
std::string ConstantSentence(const std::vector<double>& values, const MeasuredGroup& group,
                             const std::string& measure);

}  // namespace cassle

#endif  // CASSLE_EVAL_ON_IMAGES_MEASURED_GROUPS_H_
