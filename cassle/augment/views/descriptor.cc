#include "cassle/augment/views/descriptor.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/operations/operations.h"
#include "cassle/augment/policies/policy.h"
#include "cassle/base/text_proto.h"

namespace cassle {
namespace {

constexpr char kAppliedPrefix[] = "applied.";

bool InAny(const std::vector<v1::Policy>& policies, const Operation& operation) {
  return std::any_of(policies.begin(), policies.end(), operation.in_policy);
}

bool Contains(const std::vector<std::string>& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The names of all groups, or of those whose operation some policy has; in alphabetical order.
std::vector<std::string> GroupNames(const std::vector<v1::Policy>* policies) {
  std::vector<std::string> names;
  for (const Operation& operation : Operations()) {
    if (policies != nullptr && !InAny(*policies, operation)) continue;
    for (const DescriptorGroup& group : operation.groups) names.emplace_back(group.name);
  }
  std::sort(names.begin(), names.end());
  // Two operations may share a group, as the two places of solarize do.
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

// The same for the bits that say what was applied.
std::vector<std::string> AppliedNames(const std::vector<v1::Policy>* policies) {
  std::vector<std::string> names;
  for (const Operation& operation : Operations()) {
    if (policies != nullptr && !InAny(*policies, operation)) continue;
    names.push_back(absl::StrCat(kAppliedPrefix, operation.name));
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> Joined(std::vector<std::string> a, const std::vector<std::string>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const DescriptorGroup* FindGroup(absl::string_view name) {
  for (const Operation& operation : Operations()) {
    for (const DescriptorGroup& group : operation.groups) {
      if (group.name == name) return &group;
    }
  }
  return nullptr;
}

const Operation* FindApplied(absl::string_view name) {
  for (const Operation& operation : Operations()) {
    if (name == absl::StrCat(kAppliedPrefix, operation.name)) return &operation;
  }
  return nullptr;
}

absl::Status NoSuchGroup(const v1::Policy& policy, const std::vector<v1::Policy>& policies,
                         const std::string& name) {
  const std::vector<std::string> all = Joined(GroupNames(nullptr), AppliedNames(nullptr));
  const std::string nearest = NearestWord(name, all);
  const std::string problem =
      Contains(all, name)
          ? absl::StrCat("policy ", policy.name(), " has no operation for descriptor group \"",
                         name, "\"; ")
          : absl::StrCat(
                "there is no descriptor group \"", name, "\"",
                nearest.empty() ? "; " : absl::StrCat(" (did you mean \"", nearest, "\"?); "));
  return absl::InvalidArgumentError(
      absl::StrCat(problem, "possible with this policy: ",
                   absl::StrJoin(Joined(GroupNames(&policies), AppliedNames(&policies)), ", ")));
}

}  // namespace

std::vector<std::string> DescriptorGroupsOf(const v1::Policy& policy) {
  const std::vector<v1::Policy> policies = DistinctViewPolicies(policy);
  return GroupNames(&policies);
}

absl::StatusOr<DescriptorLayout> DescriptorLayout::Create(const v1::Policy& policy,
                                                          const std::vector<std::string>& groups) {
  DescriptorLayout layout;
  layout.policies_ = DistinctViewPolicies(policy);
  const std::vector<std::string> known =
      Joined(GroupNames(&layout.policies_), AppliedNames(&layout.policies_));
  for (const std::string& name : groups) {
    if (std::count(groups.begin(), groups.end(), name) > 1) {
      return absl::InvalidArgumentError(
          absl::StrCat("descriptor group \"", name, "\" is given twice: remove one"));
    }
    if (!Contains(known, name)) return NoSuchGroup(policy, layout.policies_, name);
    Part part = {name, 1, FindGroup(name), FindApplied(name)};
    if (part.group != nullptr) part.size = part.group->size;
    layout.size_ += part.size;
    layout.parts_.push_back(std::move(part));
  }
  std::sort(layout.parts_.begin(), layout.parts_.end(),
            [](const Part& a, const Part& b) { return a.name < b.name; });
  return layout;
}

std::vector<std::string> DescriptorLayout::groups() const {
  std::vector<std::string> names;
  for (const Part& part : parts_) names.push_back(part.name);
  return names;
}

std::vector<int> DescriptorLayout::group_sizes() const {
  std::vector<int> sizes;
  for (const Part& part : parts_) sizes.push_back(part.size);
  return sizes;
}

const v1::Policy& DescriptorLayout::PolicyOf(const v1::ViewRecord& record) const {
  return policies_[std::min<size_t>(record.view(), policies_.size() - 1)];
}

void DescriptorLayout::Describe(const v1::ViewRecord& record, absl::Span<float> out) const {
  float* next = out.data();
  for (const Part& part : parts_) {
    if (part.group != nullptr) {
      part.group->describe(PolicyOf(record), record, next);
    } else {
      next[0] = part.operation->applied(record) ? 1.0f : 0.0f;
    }
    next += part.size;
  }
}

std::vector<float> DescriptorLayout::DescribeUnaugmented() const {
  v1::ViewRecord record;
  record.set_source_height(1);
  record.set_source_width(1);
  record.mutable_crop()->set_height(1);
  record.mutable_crop()->set_width(1);
  std::vector<float> values(size_);
  Describe(record, absl::MakeSpan(values));
  return values;
}

void DescriptorLayout::DescribeRelative(const v1::ViewRecord& record1,
                                        const v1::ViewRecord& record2,
                                        absl::Span<float> out) const {
  std::vector<float> other;
  float* next = out.data();
  for (const Part& part : parts_) {
    if (part.group == nullptr) {
      next[0] = part.operation->applied(record1) == part.operation->applied(record2) ? 1.0f : 0.0f;
    } else if (part.group->relative != nullptr) {
      part.group->relative({PolicyOf(record1), record1, PolicyOf(record2), record2}, next);
    } else {
      other.resize(part.size);
      part.group->describe(PolicyOf(record1), record1, next);
      part.group->describe(PolicyOf(record2), record2, other.data());
      for (int k = 0; k < part.size; ++k) next[k] -= other[k];
    }
    next += part.size;
  }
}

}  // namespace cassle
