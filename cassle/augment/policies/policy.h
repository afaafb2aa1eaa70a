// Policies: which operations make a view, and with which ranges and probabilities
// (policy.proto; presets in policies/*.textproto, compiled into the library).
#ifndef CASSLE_AUGMENT_POLICIES_POLICY_H_
#define CASSLE_AUGMENT_POLICIES_POLICY_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "cassle/augment/operations/policy.pb.h"

namespace cassle {

// Names of the presets, sorted.
std::vector<std::string> PresetNames();

// A preset, as --policy names it.
// \error kInvalidArgument for another name, with the nearest, the list and the remedy.
absl::StatusOr<v1::Policy> LoadPolicy(const std::string& name);

// What the options --policy (a preset) and --policy_file (a text proto) name; nothing if neither is
// given. A path as --policy is refused: only the content of --policy_file, an INPUT, is part of a
// run's identity. The policy is checked.
// \error kInvalidArgument if both are given, for a mistake in the text proto (file:line:column) or
// a policy that fails CheckPolicy; kNotFound for a missing file; as LoadPolicy.
absl::StatusOr<std::optional<v1::Policy>> NamedPolicy(const std::string& policy,
                                                      const std::string& policy_file);
template <class Options>
absl::StatusOr<std::optional<v1::Policy>> NamedPolicy(const Options& options) {
  return NamedPolicy(options.policy(), options.policy_file());
}

// The policy that a program wrote: what is wrong with it is damage.
// \error kNotFound if it cannot be read; kDataLoss naming the file.
absl::StatusOr<v1::Policy> ReadStoredPolicy(const std::string& path);

// kInvalidArgument where one has to be named: `why`, and how to name one.
absl::Status NoPolicyError(absl::string_view why);

// Sizes, ranges, probabilities, mean and std, of every group of views.
// \error kInvalidArgument naming the policy, the view group, the field and the remedy.
absl::Status CheckPolicy(const v1::Policy& policy);

// Number of views that the policy fixes by its `views`; 0: any number, all alike.
int NumViews(const v1::Policy& policy);

// The policy of each of the first `views` views, without `views` of its own. The policy must have
// passed CheckPolicy. Costs a copy per view: call it once per run.
// \error kInvalidArgument if the policy fixes fewer views.
absl::StatusOr<std::vector<v1::Policy>> ViewPolicies(const v1::Policy& policy, int views);

// The policies of all views that the policy fixes; a single one where all are alike.
std::vector<v1::Policy> DistinctViewPolicies(const v1::Policy& policy);

// Equality of everything that decides a view's pixels and descriptor (names and std do not, the
// mean only where an operation fills with it).
bool SameViews(const v1::Policy& a, const v1::Policy& b);

}  // namespace cassle

#endif  // CASSLE_AUGMENT_POLICIES_POLICY_H_
