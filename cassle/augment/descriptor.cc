#include "cassle/augment/descriptor.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/operations.h"
#include "cassle/base/text_proto.h"

namespace cassle {
namespace {

bool ByName(const DescriptorGroup& a, const DescriptorGroup& b) { return a.name < b.name; }

std::vector<DescriptorGroup> SortedGroups(const v1::Policy& policy, bool only_in_policy) {
  std::vector<DescriptorGroup> groups;
  for (const Operation& operation : Operations()) {
    if (only_in_policy && !operation.in_policy(policy)) continue;
    groups.insert(groups.end(), operation.groups.begin(), operation.groups.end());
  }
  std::sort(groups.begin(), groups.end(), ByName);
  return groups;
}

std::vector<std::string> Names(const std::vector<DescriptorGroup>& groups) {
  std::vector<std::string> names;
  for (const DescriptorGroup& group : groups) names.emplace_back(group.name);
  return names;
}

bool Contains(const std::vector<std::string>& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

std::vector<std::string> DescriptorGroupsOf(const v1::Policy& policy) {
  return Names(SortedGroups(policy, /*only_in_policy=*/true));
}

absl::StatusOr<DescriptorLayout> DescriptorLayout::Create(const v1::Policy& policy,
                                                          const std::vector<std::string>& groups) {
  const std::vector<DescriptorGroup> known = SortedGroups(policy, /*only_in_policy=*/true);
  const std::vector<std::string> known_names = Names(known);
  for (size_t i = 0; i < groups.size(); ++i) {
    if (std::count(groups.begin(), groups.end(), groups[i]) > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("descriptor group \"", groups[i], "\" is given twice: remove one"));
    }
    if (Contains(known_names, groups[i])) continue;
    const std::vector<std::string> all = Names(SortedGroups(policy, /*only_in_policy=*/false));
    const std::string nearest = NearestWord(groups[i], all);
    return absl::InvalidArgumentError(absl::StrCat(
        Contains(all, groups[i])
            ? absl::StrCat("policy ", policy.name(), " has no operation for descriptor group \"",
                           groups[i], "\"; ")
            : absl::StrCat(
                  "there is no descriptor group \"", groups[i], "\"",
                  nearest.empty() ? "; " : absl::StrCat(" (did you mean \"", nearest, "\"?); ")),
        "possible with this policy: ", absl::StrJoin(known_names, ", ")));
  }
  DescriptorLayout layout;
  layout.policy_ = policy;
  for (const DescriptorGroup& group : known) {
    if (!Contains(groups, group.name)) continue;
    layout.groups_.push_back(group);
    layout.size_ += group.size;
  }
  return layout;
}

std::vector<std::string> DescriptorLayout::groups() const { return Names(groups_); }

void DescriptorLayout::Describe(const v1::ViewRecord& record, absl::Span<float> out) const {
  float* next = out.data();
  for (const DescriptorGroup& group : groups_) {
    group.describe(policy_, record, next);
    next += group.size;
  }
}

}  // namespace cassle
