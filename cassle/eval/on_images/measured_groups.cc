#include "cassle/eval/on_images/measured_groups.h"

#include <cmath>
#include <limits>

#include "cassle/augment/policies/policy.h"
#include "cassle/base/status_macros.h"

namespace cassle {

absl::StatusOr<DescriptorLayout> LayoutOf(std::vector<std::string> groups,
                                          const v1::Policy& policy) {
  if (groups.empty()) groups = DescriptorGroupsOf(policy);
  absl::StatusOr<DescriptorLayout> layout = DescriptorLayout::Create(policy, groups);
  if (!layout.ok()) return Annotate(layout.status(), "--groups");
  return layout;
}

std::vector<MeasuredGroup> GroupsOf(const DescriptorLayout& layout) {
  std::vector<MeasuredGroup> groups;
  const std::vector<int> sizes = layout.group_sizes();
  int64_t first = 0;
  for (size_t i = 0; i < sizes.size(); ++i) {
    groups.push_back({layout.groups()[i], first, sizes[i]});
    first += sizes[i];
  }
  return groups;
}

double GroupMean(const std::vector<double>& values, const MeasuredGroup& group) {
  double sum = 0;
  int count = 0;
  for (int64_t i = group.first; i < group.first + group.size; ++i) {
    if (std::isnan(values[i])) continue;
    sum += values[i];
    ++count;
  }
  return count == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / count;
}

}  // namespace cassle
