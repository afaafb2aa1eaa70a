#include "cassle/augment/descriptor.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/operations.h"
#include "cassle/augment/policy.h"
#include "cassle/base/text_proto.h"

namespace cassle {
namespace {

bool ByName(const DescriptorGroup& a, const DescriptorGroup& b) { return a.name < b.name; }

// The policies of the views; one where all are alike.
std::vector<v1::Policy> PoliciesOf(const v1::Policy& policy) {
  // Never fails: no more views are asked for than there are.
  return *ViewPolicies(policy, std::max(1, NumViews(policy)));
}

bool InAny(const std::vector<v1::Policy>& policies, const Operation& operation) {
  return std::any_of(policies.begin(), policies.end(), operation.in_policy);
}

std::vector<DescriptorGroup> SortedGroups(const std::vector<v1::Policy>& policies,
                                          bool only_in_policy) {
  std::vector<DescriptorGroup> groups;
  for (const Operation& operation : Operations()) {
    if (only_in_policy && !InAny(policies, operation)) continue;
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
  return Names(SortedGroups(PoliciesOf(policy), /*only_in_policy=*/true));
}

absl::StatusOr<DescriptorLayout> DescriptorLayout::Create(const v1::Policy& policy,
                                                          const std::vector<std::string>& groups) {
  DescriptorLayout layout;
  layout.policies_ = PoliciesOf(policy);
  const std::vector<DescriptorGroup> known =
      SortedGroups(layout.policies_, /*only_in_policy=*/true);
  const std::vector<std::string> known_names = Names(known);
  for (size_t i = 0; i < groups.size(); ++i) {
    if (std::count(groups.begin(), groups.end(), groups[i]) > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("descriptor group \"", groups[i], "\" is given twice: remove one"));
    }
    if (Contains(known_names, groups[i])) continue;
    const std::vector<std::string> all =
        Names(SortedGroups(layout.policies_, /*only_in_policy=*/false));
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
  for (const DescriptorGroup& group : known) {
    if (!Contains(groups, group.name)) continue;
    layout.groups_.push_back(group);
    layout.size_ += group.size;
  }
  return layout;
}

std::vector<std::string> DescriptorLayout::groups() const { return Names(groups_); }

void DescriptorLayout::Describe(const v1::ViewRecord& record, absl::Span<float> out) const {
  if (groups_.empty()) return;
  const v1::Policy& policy = policies_[std::min<size_t>(record.view(), policies_.size() - 1)];
  float* next = out.data();
  for (const DescriptorGroup& group : groups_) {
    group.describe(policy, record, next);
    next += group.size;
  }
}

}  // namespace cassle
