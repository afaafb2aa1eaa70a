#include "cassle/eval/on_images/measured_groups.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
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

std::string ConstantSentence(const std::vector<double>& values, const MeasuredGroup& group,
                             const std::string& measure) {
  const auto first = values.begin() + group.first;
  const int64_t constant =
      std::count_if(first, first + group.size, [](double value) { return std::isnan(value); });
  if (constant == 0) return "";
  const std::string what = constant == group.size
                               ? absl::StrCat(group.name, " is")
                               : absl::StrCat(constant, " of the ", group.size, " values of ",
                                              group.name, constant == 1 ? " is" : " are");
  return absl::StrCat(what, " the same in all views of the test images: no ", measure);
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
