#include "cassle/augment/policies/policy.h"

#include <google/protobuf/descriptor.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/message_differencer.h>

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "cassle/augment/operations/operations.h"
#include "cassle/augment/policies/preset_policies.h"
#include "cassle/base/status_macros.h"
#include "cassle/base/text_proto.h"

namespace cassle {
namespace {

constexpr int kMaxSize = 4096;

constexpr int kMaxViews = 256;

// Far below that of any images, and large enough that what a network gets is finite.
constexpr double kMinStd = 1e-6;

v1::Policy WithoutViews(v1::Policy policy) {
  policy.clear_views();
  return policy;
}

// The policy of a group's views.
v1::Policy Changed(const v1::Policy& policy, const v1::ViewGroup& group) {
  v1::Policy changed = WithoutViews(policy);
  // MergeFrom would append to it; no other list can change.
  if (group.change().cutout().fill_size() > 0) changed.mutable_cutout()->clear_fill();
  changed.MergeFrom(group.change());
  return changed;
}

// Size and operations of one view.
absl::Status CheckView(const v1::Policy& policy) {
  if (policy.size() < 1 || policy.size() > kMaxSize) {
    return PolicyError("size", absl::StrCat("is ", policy.size(), ": the side of the view is 1 to ",
                                            kMaxSize, " pixels"));
  }
  const Operation* fill = nullptr;
  for (const Operation& operation : Operations()) {
    if (!operation.in_policy(policy)) continue;
    if (operation.fill.has_value()) {
      if (fill != nullptr) {
        return PolicyError(operation.name, absl::StrCat("and ", fill->name,
                                                        " exclude each other: remove one of them"));
      }
      fill = &operation;
    }
    CASSLE_RETURN_IF_ERROR(operation.check(policy));
  }
  return absl::OkStatus();
}

// What a group may not change.
absl::Status CheckChange(const v1::Policy& change) {
  const auto refuse = [](absl::string_view field, absl::string_view why) {
    return PolicyError(absl::StrCat("change.", field),
                       absl::StrCat("is not possible: ", why, "; set it in the policy itself"));
  };
  if (change.views_size() > 0) return refuse("views", "groups of views do not nest");
  if (change.has_compat()) return refuse("compat", "it belongs to the whole run");
  if (change.has_decode()) return refuse("decode", "an image is decoded one way");
  if (change.mean_size() > 0 || change.std_size() > 0) {
    return refuse("mean, std", "all views are normalised alike");
  }
  return absl::OkStatus();
}

absl::Status CheckViews(const v1::Policy& policy) {
  if (policy.views_size() == 0) return CheckView(policy);
  int views = 0;
  for (int g = 0; g < policy.views_size(); ++g) {
    const v1::ViewGroup& group = policy.views(g);
    const std::string name = absl::StrCat(
        "view group ", g + 1,
        group.change().name().empty() ? "" : absl::StrCat(" (", group.change().name(), ")"));
    if (group.count() < 1 || group.count() > kMaxViews - views) {
      return absl::InvalidArgumentError(absl::StrCat(name, ": count is ", group.count(),
                                                     ": give 1 and up, at most ", kMaxViews,
                                                     " views in all groups together"));
    }
    views += group.count();
    if (g == 0 && group.change().has_size() && group.change().size() != policy.size()) {
      return PolicyError(
          absl::StrCat(name, ": change.size"),
          absl::StrCat("is ", group.change().size(), ", but the policy's size is ", policy.size(),
                       ": the first group has the size of the policy itself"));
    }
    CASSLE_RETURN_IF_ERROR(Annotate(CheckChange(group.change()), name));
    CASSLE_RETURN_IF_ERROR(Annotate(CheckView(Changed(policy, group)), name));
  }
  return absl::OkStatus();
}

absl::Status CheckFields(const v1::Policy& policy) {
  CASSLE_RETURN_IF_ERROR(CheckViews(policy));
  if (!v1::Compat_IsValid(policy.compat())) {
    return PolicyError("compat", absl::StrCat("is ", policy.compat(), ": CORRECT or OFFICIAL"));
  }
  if (!v1::Decode_IsValid(policy.decode())) {
    return PolicyError("decode", absl::StrCat("is ", policy.decode(), ": EXACT or FAST"));
  }
  if (policy.mean_size() != 3 || policy.std_size() != 3) {
    return PolicyError("mean, std",
                       absl::StrCat("have ", policy.mean_size(), " and ", policy.std_size(),
                                    " values: give three each (R, G, B, of pixels in [0, 1])"));
  }
  for (int c = 0; c < 3; ++c) {
    if (!(policy.mean(c) >= 0.0 && policy.mean(c) <= 1.0) || !(policy.std(c) >= kMinStd) ||
        !std::isfinite(policy.std(c))) {
      return PolicyError(
          "mean, std",
          absl::StrCat("of channel ", c, " are ", policy.mean(c), " and ", policy.std(c),
                       ": pixels lie in [0, 1], so their mean does too, and "
                       "the standard deviation must be at least ",
                       kMinStd));
    }
  }
  return absl::OkStatus();
}

// An operation whose probability is left out would never be applied. Stored policies of earlier
// versions may lack one, so only those that people name are looked at.
absl::Status CheckProbabilitiesAreGiven(const v1::Policy& policy) {
  for (const v1::Policy& view : DistinctViewPolicies(policy)) {
    for (const Operation& operation : Operations()) {
      if (!operation.in_policy(view)) continue;
      const google::protobuf::Message& settings = SettingsOf(operation, view);
      const auto* probability = settings.GetDescriptor()->FindFieldByName("probability");
      if (probability == nullptr || settings.GetReflection()->HasField(settings, probability)) {
        continue;
      }
      return PolicyError(absl::StrCat(operation.name, ".probability"),
                         "is missing: give 0 (never) to 1 (always)");
    }
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<std::string> PresetNames() {
  std::vector<std::string> names;
  for (const PresetPolicy& preset : kPresetPolicies) names.emplace_back(preset.name);
  return names;
}

absl::Status CheckPolicy(const v1::Policy& policy) {
  return Annotate(CheckFields(policy),
                  absl::StrCat("policy ", policy.name().empty() ? "(no name)" : policy.name()));
}

absl::StatusOr<v1::Policy> LoadPolicy(const std::string& name) {
  for (const PresetPolicy& preset : kPresetPolicies) {
    if (name != preset.name) continue;
    v1::Policy policy;
    CASSLE_RETURN_IF_ERROR(
        ParseTextProto(preset.text, absl::StrCat("preset ", preset.name), &policy));
    CASSLE_RETURN_IF_ERROR(CheckPolicy(policy));
    return policy;
  }
  if (name.find_first_of("/.") != std::string::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("--policy=", name, " is no preset; for a file write --policy_file=", name));
  }
  const std::vector<std::string> presets = PresetNames();
  const std::string nearest = NearestWord(name, presets);
  return absl::InvalidArgumentError(absl::StrCat(
      "--policy=", name, " is no preset",
      nearest.empty() ? "; there are " : absl::StrCat("; did you mean ", nearest, "? There are "),
      absl::StrJoin(presets, ", "), "; a text proto is named by --policy_file"));
}

absl::StatusOr<std::optional<v1::Policy>> NamedPolicy(const std::string& policy,
                                                      const std::string& policy_file) {
  if (policy.empty() && policy_file.empty()) return std::optional<v1::Policy>();
  if (!policy.empty() && !policy_file.empty()) {
    return absl::InvalidArgumentError("--policy and --policy_file were both given: choose one");
  }
  std::optional<v1::Policy> named(std::in_place);
  if (policy_file.empty()) {
    CASSLE_ASSIGN_OR_RETURN(*named, LoadPolicy(policy));
    return named;
  }
  CASSLE_RETURN_IF_ERROR(ReadTextProto(policy_file, &*named));
  CASSLE_RETURN_IF_ERROR(Annotate(CheckPolicy(*named), policy_file));
  CASSLE_RETURN_IF_ERROR(Annotate(CheckProbabilitiesAreGiven(*named), policy_file));
  return named;
}

absl::StatusOr<v1::Policy> ReadStoredPolicy(const std::string& path) {
  v1::Policy policy;
  CASSLE_RETURN_IF_ERROR(ReadStoredTextProto(path, &policy));
  const absl::Status checked = CheckPolicy(policy);
  if (!checked.ok()) return absl::DataLossError(absl::StrCat(path, ": ", checked.message()));
  return policy;
}

absl::Status NoPolicyError(absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(
      why, ": name one by --policy (", absl::StrJoin(PresetNames(), ", "), ") or --policy_file"));
}

int NumViews(const v1::Policy& policy) {
  int views = 0;
  for (const v1::ViewGroup& group : policy.views()) views += group.count();
  return views;
}

absl::StatusOr<std::vector<v1::Policy>> ViewPolicies(const v1::Policy& policy, int views) {
  if (policy.views_size() == 0) return std::vector<v1::Policy>(views, policy);
  std::vector<v1::Policy> policies;
  for (const v1::ViewGroup& group : policy.views()) {
    const size_t end = std::min<size_t>(views, policies.size() + group.count());
    if (policies.size() < end) policies.resize(end, Changed(policy, group));
  }
  if (static_cast<int>(policies.size()) < views) {
    return absl::InvalidArgumentError(absl::StrCat(
        "policy ", policy.name(), " has ", policies.size(), " views, but ", views,
        " are wanted: use at most ", policies.size(), ", or raise a count in `views`"));
  }
  return policies;
}

std::vector<v1::Policy> DistinctViewPolicies(const v1::Policy& policy) {
  // Never fails: no more views are asked for than there are.
  return ViewPolicies(policy, std::max(1, NumViews(policy))).value();
}

bool SameViews(const v1::Policy& a, const v1::Policy& b) {
  const std::vector<v1::Policy> views_a = DistinctViewPolicies(a);
  const std::vector<v1::Policy> views_b = DistinctViewPolicies(b);
  const auto mean_decides = [](const v1::Policy& view) {
    return std::any_of(Operations().begin(), Operations().end(), [&](const Operation& operation) {
      return operation.uses_mean != nullptr && operation.uses_mean(view);
    });
  };
  const auto essence = [&](v1::Policy view) {
    view.clear_name();
    if (!mean_decides(view)) view.clear_mean();
    view.clear_std();
    return view;
  };
  // View by view, since in a change 0 is not the same as nothing. In what it leads to, it is.
  return NumViews(a) == NumViews(b) &&
         std::equal(views_a.begin(), views_a.end(), views_b.begin(), views_b.end(),
                    [&](const v1::Policy& x, const v1::Policy& y) {
                      return google::protobuf::util::MessageDifferencer::Equivalent(essence(x),
                                                                                    essence(y));
                    });
}

}  // namespace cassle
